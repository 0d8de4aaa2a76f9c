// A full disk under the whole server; full_disk.cc plays it, so that no privilege and no real disk is needed.

#include <cstdio>
#include <string>

#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

class DiskFullServerTest : public IntegrationTest {
 protected:
  void SetUp() override {
    server_.environment() = {{"LD_PRELOAD", EXPUNGE_FULL_DISK_LIBRARY},
                             {"EXPUNGE_FULL_DISK_SWITCH", switch_},
                             {"EXPUNGE_FULL_DISK_DIRECTORY", server_.data_dir()}};
    IntegrationTest::SetUp();
    MakeTrained(StripesModel("m", 2, 2), 20);
  }

  void Fill(const std::string& state) { files_.Write("switch", state); }
  // Who was withdrawn and votes again is another version of the same ensemble.
  std::string StateOfAnyVersion() {
    std::string state = State();
    const size_t begin = state.find("ensemble_version: ");
    return state.erase(begin, state.find('\n', begin) - begin);
  }
  void Free() { std::remove(switch_.c_str()); }

 private:
  const std::string switch_ = files_.PathOf("switch");
};

TEST_F(DiskFullServerTest, TheReserveIsKeptForErasures) {
  Fill("reserve");
  ASSERT_EQ(server_.Terminate(), 0);
  ASSERT_THAT(server_.Start(), IsOk());
  const std::string before = State();

  const absl::Status created = Create(client(), StripesModel("new", 1, 1));
  EXPECT_THAT(created, Fails(StatusCode::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(std::string(created.message()), HasSubstr("268435456 are kept for erasures"));
  EXPECT_TRUE(RetryAfterOf(created).has_value());
  EXPECT_THAT(Ingest(client(), "m", {StripesBatch(20, 5, 2)}), Fails(StatusCode::kResourceExhausted, "DISK_FULL"));
  const Outcome command = Expunge({"model", "create", EXPUNGE_MODEL_FILES "/fashion-mnist.json"});
  EXPECT_EQ(command.status, 1);
  EXPECT_TRUE(IsOneLineOf("expunge", command.err));
  EXPECT_EQ(State(), before);

  const auto erasure = client().Forget(ForgetOf(PersonName(3)));
  ASSERT_THAT(erasure, IsOk());
  EXPECT_TRUE(erasure->milestones().has_isolated_time());
  EXPECT_EQ(erasure->samples_erased(), 2);

  Free();
  EXPECT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
  EXPECT_THAT(Ingest(client(), "m", {StripesBatch(20, 5, 2)}), IsOk());
  EXPECT_THAT(TrainAndWait(client(), "m"), IsOk());
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(DiskFullServerTest, NothingIsHalfDoneWhenNoByteCanBeWritten) {
  const std::string before = StateOfAnyVersion();
  const v1::ForgetRequest forget = ForgetOf(PersonName(3));
  Fill("full");
  const absl::Status refused = client().Forget(forget).status();
  EXPECT_THAT(refused, Fails(StatusCode::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no space is left"));
  EXPECT_THAT(Ingest(client(), "m", {StripesBatch(20, 5, 2)}), Fails(StatusCode::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(client().Predict(StripesInputs("m", 0, 1)), IsOk()) << "what is read goes on";
  EXPECT_THAT(WatchModelUntil(client(), "m", [](const v1::Model& model) { return model.constituents_voting() == 2; }),
              IsOk());
  EXPECT_EQ(StateOfAnyVersion(), before);

  Free();
  server_.Kill();
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->samples(), 40);
  const auto erasure = client().Forget(forget);
  ASSERT_THAT(erasure, IsOk());
  EXPECT_EQ(erasure->samples_erased(), 2);
  EXPECT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(DiskFullServerTest, AServerDoesNotStartOnAFullDisk) {
  ASSERT_EQ(server_.Terminate(), 0);
  Fill("full");
  EXPECT_FALSE(server_.Start().ok());
  EXPECT_THAT(server_.log(), HasSubstr("expunged: the main store cannot be written: no space is left on the device"));
  Free();
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->samples(), 40);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

}  // namespace
}  // namespace expunge
