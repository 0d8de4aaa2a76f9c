// Which kernels the server computes with, and what it does with a data directory of a machine that has others. Another
// machine is simulated with the variables by which the libraries can be told what to choose.

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Environment = std::map<std::string, std::string>;

const Environment kHere = {{"OPENBLAS_CORETYPE", "Prescott"}, {"ATEN_CPU_CAPABILITY", "default"}};
const Environment kElsewhere = {{"OPENBLAS_CORETYPE", "Nehalem"}, {"ATEN_CPU_CAPABILITY", "default"}};

// Needs a processor with AVX2 and FMA, as portable numerics do.
class PortableNumericsTest : public IntegrationTest {
 protected:
  PortableNumericsTest() : IntegrationTest({"--numerics", "portable"}) {}
  void SetUp() override {
    server_.environment() = kHere;
    IntegrationTest::SetUp();
  }
};

TEST_F(PortableNumericsTest, AModelMovesToAnotherMachineAndIsNotTrainedAgain) {
  MakeTrained(StripesModel("m", 2, 2), 60);
  EXPECT_THAT(server_.log(), AllOf(HasSubstr("CPU capability usage: AVX2;"), HasSubstr(", Haswell;")));
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
  const v1::Model before = *GetModel(client(), "m");
  EXPECT_EQ(server_.Terminate(), 0);

  server_.environment() = kElsewhere;
  ASSERT_THAT(server_.Start(), IsOk());
  const v1::Model after = *GetModel(client(), "m");
  EXPECT_EQ(after.state(), v1::Model::READY);
  EXPECT_EQ(after.shards(1).DebugString(), before.shards(1).DebugString());
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
  EXPECT_THAT(server_.log(), Not(HasSubstr("numeric_environment_changed")));
}

class NativeNumericsTest : public IntegrationTest {
 protected:
  void SetUp() override {
    server_.environment() = kHere;
    IntegrationTest::SetUp();
  }
};

TEST_F(NativeNumericsTest, OnAnotherMachineAReplayTellsTheEnvironmentsUntilTheModelIsTrainedThere) {
  ASSERT_THAT(Create(client(), SlowStripesModel("m", 2, 4, 80)), IsOk());
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(0, 200, 5)}), IsOk());
  ASSERT_THAT(TrainAndWait(client(), "m"), IsOk());
  EXPECT_EQ(Expunge({"replay", "m"}).status, 0);
  EXPECT_EQ(server_.Terminate(), 0);

  server_.environment() = kElsewhere;
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_THAT(server_.log(), AllOf(HasSubstr("numeric_environment_changed"), HasSubstr("shards_to_retrain=2")));
  const Outcome replay = Expunge({"replay", "m"});
  EXPECT_EQ(replay.status, 4) << replay.err;
  EXPECT_THAT(replay.out, AllOf(HasSubstr("ENVIRONMENT_DIFFERS"), HasSubstr("\ntrained in:  expunge kernels"),
                                HasSubstr(", Prescott;"), HasSubstr("\nthis server: expunge kernels"),
                                HasSubstr(", Nehalem;"), Not(HasSubstr("bit for bit"))));
  EXPECT_THAT(replay.err, HasSubstr("FAILED_PRECONDITION (ENVIRONMENT_DIFFERS)"));

  ASSERT_THAT(WaitUntilReady(client(), "m"), IsOk());
  EXPECT_EQ(Expunge({"replay", "m"}).status, 0);
}

}  // namespace
}  // namespace expunge
