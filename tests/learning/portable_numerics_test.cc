// Each training is a process of its own, because the libraries choose their kernels when they are loaded. What they
// would choose on another processor is simulated with the variables by which they can be told.

#include "learning/portable_numerics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/testing/child_process.h"

namespace expunge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Environment = std::map<std::string, std::string>;

struct Training {
  std::string environment;
  std::string parameters;
  std::string probabilities;
};

Training Train(const std::string& numerics, const std::string& architecture, const Environment& environment) {
  const Outcome outcome =
      RunProgram({.arguments = {EXPUNGE_TRAIN_PROBE, numerics, architecture, "256", "2"}, .environment = environment});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n');
  return lines.size() < 3 ? Training() : Training{lines[0], lines[1], lines[2]};
}

// Two older processors and a newer one, as far as kernels are concerned, and a libm without its newer variants.
const Environment kSse = {
    {"OPENBLAS_CORETYPE", "Prescott"}, {"ATEN_CPU_CAPABILITY", "default"}, {"ONEDNN_MAX_CPU_ISA", "SSE41"}};
const Environment kAvx = {{"OPENBLAS_CORETYPE", "Sandybridge"}, {"DNNL_MAX_CPU_ISA", "AVX"}};
const Environment kNewer = {
    {"OPENBLAS_CORETYPE", "SkylakeX"}, {"ATEN_CPU_CAPABILITY", "avx512"}, {"ONEDNN_MAX_CPU_ISA", "ALL"}};
const Environment kOldLibm = {{"GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-FMA"}};

// Needs a processor with AVX2 and FMA, as portable numerics do.
using PortableNumericsTest = testing::TestWithParam<const char*>;

TEST_P(PortableNumericsTest, GivesTheSameBitsWhateverTheLibrariesWouldChoose) {
  const Training here = Train("portable", GetParam(), {});
  EXPECT_THAT(here.environment, AllOf(HasSubstr("capability usage: AVX2;"), HasSubstr(", Haswell;"),
                                      testing::EndsWith("instruction set 7")));
  for (const Environment& elsewhere : {kSse, kAvx, kNewer, kOldLibm}) {
    SCOPED_TRACE(testing::PrintToString(elsewhere));
    const Training there = Train("portable", GetParam(), elsewhere);
    EXPECT_EQ(there.environment, here.environment);
    EXPECT_EQ(there.parameters, here.parameters);
    EXPECT_EQ(there.probabilities, here.probabilities);
  }
}

// Or else the test above shows nothing.
TEST_P(PortableNumericsTest, WithoutItOtherKernelsAreAnotherEnvironmentAndOtherBits) {
  const Training portable = Train("portable", GetParam(), {});
  for (const Environment& elsewhere : {kSse, kAvx}) {
    SCOPED_TRACE(testing::PrintToString(elsewhere));
    const Training there = Train("native", GetParam(), elsewhere);
    EXPECT_NE(there.environment, portable.environment);
    EXPECT_NE(there.parameters, portable.parameters);
  }
}

TEST_P(PortableNumericsTest, KernelsThatWereNotPinnedAreNoticed) {
  const Outcome outcome =
      RunProgram({.arguments = {EXPUNGE_TRAIN_PROBE, "unpinned", GetParam(), "1", "1"}, .environment = kSse});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("NUMERICS_NOT_SUPPORTED"));
}

INSTANTIATE_TEST_SUITE_P(Architectures, PortableNumericsTest, testing::Values("mlp", "cnn"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace expunge
