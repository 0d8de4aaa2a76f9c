#include "learning/numerics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learning/torch_trainer.h"

namespace expunge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(NumericsTest, EnvironmentNamesEverythingThatTheBitsDependOn) {
  EXPECT_THAT(DescribeNumericEnvironment(), AllOf(HasSubstr("expunge kernels"), HasSubstr("torch"),
                                                  HasSubstr("CPU capability"), Not(HasSubstr("\n"))));
}

TEST(NumericsTest, EnvironmentStaysTheSameAndIsTheTrainers) {
  EXPECT_EQ(DescribeNumericEnvironment(), DescribeNumericEnvironment());
  EXPECT_EQ(CreateTorchTrainer()->NumericEnvironment(), DescribeNumericEnvironment());
}

TEST(NumericsTest, SerialOpenBlasAloneGivesNoWarning) {
  const bool serial_open_blas = DescribeNumericEnvironment().find("SINGLE_THREADED") != std::string::npos;
  if (DescribeNumericEnvironment().find("OpenBLAS") != std::string::npos) {
    EXPECT_EQ(BlasWarning().empty(), serial_open_blas) << BlasWarning();
  }
}

}  // namespace
}  // namespace expunge
