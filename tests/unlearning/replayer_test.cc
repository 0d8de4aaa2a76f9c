#include "unlearning/replayer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using Kind = ReplayVerdict::Kind;

bool GoOn(const ReplayProgress&) { return true; }

class ReplayerTest : public EngineTest {
 protected:
  ReplayerTest() {
    Open();
    model_ = CreateModel("m", SmallSpec(2, 3));
    for (uint32_t slice = 0; slice < 3; ++slice) {
      for (int nth = 0; nth < 3; ++nth) IngestSubjects(*model_, SubjectIn(*model_, 0, slice, nth), 1);
    }
    IngestSubjects(*model_, SubjectIn(*model_, 1, 0), 1);
  }

  absl::StatusOr<ReplayVerdict> Replay(const std::function<bool(const ReplayProgress&)>& progress = GoOn) {
    return ReplayShard(*model_, 0, engine_->store(), engine_->keyring(), hash_, progress);
  }

  // Says that the checkpoint of this slice has other parameters.
  void Tamper(uint32_t slice) {
    const ShardId id = {model_->uid(), 0};
    records::Checkpoint header = engine_->store().GetCheckpoint(id, slice)->value();
    header.set_parameters_digest(std::string(32, 'x'));
    ASSERT_THAT(engine_->store().PutCheckpoint(id, slice, header, *engine_->store().GetCheckpointState(id, slice)),
                IsOk());
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(ReplayerTest, GivesTheBitsThatAreServed) {
  TrainAll(*model_);
  const auto verdict = Replay();
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->kind, Kind::kMatch);
  EXPECT_EQ(verdict->served, VoteOf(*model_, 0)->parameters_digest);
  EXPECT_EQ(verdict->replayed, verdict->served);
  EXPECT_EQ(verdict->lineage, VoteOf(*model_, 0)->lineage);
}

TEST_F(ReplayerTest, GivesTheBitsThatAreServedAfterAForget) {
  TrainAll(*model_);
  const Digest before = VoteOf(*model_, 0)->parameters_digest;
  Forget(SubjectIn(*model_, 0, 1));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  const auto verdict = Replay();
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->kind, Kind::kMatch);
  EXPECT_NE(verdict->replayed, before);
}

TEST_F(ReplayerTest, SamplesThatWaitForTheNextTrainAreNotReplayed) {
  TrainAll(*model_);
  IngestSubjects(*model_, SubjectIn(*model_, 0, 0, 5), 1);
  EXPECT_EQ(Replay()->kind, Kind::kMatch);
}

TEST_F(ReplayerTest, NamesTheFirstSliceWhoseBitsAreOthers) {
  TrainAll(*model_);
  Tamper(1);
  Tamper(2);
  const auto verdict = Replay();
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->kind, Kind::kMismatch);
  EXPECT_EQ(verdict->first_mismatch, 1);
  EXPECT_EQ(AsBytes(verdict->served), std::string(32, 'x'));
  EXPECT_EQ(verdict->replayed, VoteOf(*model_, 0)->parameters_digest);
}

TEST_F(ReplayerTest, AMismatchInTheMiddleCountsThoughTheLastSliceAgrees) {
  TrainAll(*model_);
  Tamper(0);
  const auto verdict = Replay();
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->kind, Kind::kMismatch);
  EXPECT_EQ(verdict->first_mismatch, 0);
  EXPECT_EQ(verdict->served, verdict->replayed);
}

TEST_F(ReplayerTest, TellsOfItsProgressSliceBySlice) {
  TrainAll(*model_);
  std::vector<std::pair<uint32_t, double>> told;
  ASSERT_THAT(Replay([&](const ReplayProgress& progress) {
                told.emplace_back(progress.slice, progress.slice_progress);
                return true;
              }),
              IsOk());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front(), std::pair(0u, 0.0));
  EXPECT_EQ(told.back(), std::pair(2u, 1.0));
}

TEST_F(ReplayerTest, StopsWhenNobodyWaits) {
  TrainAll(*model_);
  int told = 0;
  EXPECT_TRUE(absl::IsCancelled(Replay([&told](const ReplayProgress&) { return ++told < 2; }).status()));
  EXPECT_LE(told, 3) << "the end of a slice, which is done, and the begin of the next one";
}

TEST_F(ReplayerTest, AShardThatWasNeverTrainedHasNothingToReplay) {
  EXPECT_THAT(Replay(), Fails(absl::StatusCode::kFailedPrecondition, "SHARD_NOT_TRAINED"));
}

TEST_F(ReplayerTest, AnEmptyShardHasNothingToReplay) {
  TrainAll(*model_);
  for (uint32_t slice = 0; slice < 3; ++slice) {
    for (int nth = 0; nth < 3; ++nth) Forget(SubjectIn(*model_, 0, slice, nth));
  }
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_THAT(Replay(), Fails(absl::StatusCode::kFailedPrecondition, "SHARD_NOT_TRAINED"));
}

TEST_F(ReplayerTest, AShardThatIsBeingRetrainedIsNotReplayed) {
  TrainAll(*model_);
  trainer_.SetHold(Hold::kObedient);
  Forget(SubjectIn(*model_, 0, 1));
  trainer_.WaitUntilHeld();
  EXPECT_THAT(Replay(), Fails(absl::StatusCode::kFailedPrecondition, "SHARD_NOT_TRAINED"));
  trainer_.SetHold(Hold::kNone);
}

TEST_F(ReplayerTest, StopsWhenASubjectOfTheShardIsForgottenMeanwhile) {
  TrainAll(*model_);
  bool forgotten = false;
  const auto verdict = Replay([&](const ReplayProgress& progress) {
    EXPECT_EQ(progress.slice, 0);
    if (!std::exchange(forgotten, true)) Forget(SubjectIn(*model_, 0, 2));
    return true;
  });
  EXPECT_THAT(verdict, Fails(absl::StatusCode::kAborted, "MEMBERSHIP_MOVED"));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Replay()->kind, Kind::kMatch);
}

TEST_F(ReplayerTest, AForgetInAnotherShardDoesNotConcernIt) {
  TrainAll(*model_);
  bool forgotten = false;
  const auto verdict = Replay([&](const ReplayProgress&) {
    if (!std::exchange(forgotten, true)) Forget(SubjectIn(*model_, 1, 0));
    return true;
  });
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->kind, Kind::kMatch);
}

TEST_F(ReplayerTest, CheckpointsOfAnotherEnvironmentAreNoMismatch) {
  TrainAll(*model_);
  hash_.MoveTo("another machine");
  const auto verdict = Replay([](const ReplayProgress&) {
    ADD_FAILURE() << "something was trained";
    return true;
  });
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->kind, Kind::kEnvironmentDiffers);
  EXPECT_EQ(verdict->trained_environment, "hash");
  EXPECT_EQ(verdict->server_environment, "another machine");
}

class MovedServerTest : public ReplayerTest {
 protected:
  // The server starts on another machine, with a worker that gets no further than the first slice of shard 0.
  void Move() {
    TrainAll(*model_);
    Close();
    hash_.MoveTo("another machine");
    trainer_.SetHold(Hold::kObedient);
    Open();
    model_ = FindModel("m");
    trainer_.WaitUntilHeld();
  }
};

TEST_F(MovedServerTest, TheEnvironmentDiffersUntilTheShardIsTrainedHere) {
  Move();
  EXPECT_FALSE(engine_->store().GetCheckpoint({model_->uid(), 0}, 0)->has_value());
  EXPECT_EQ(Replay()->kind, Kind::kEnvironmentDiffers);
  EXPECT_EQ(Replay()->trained_environment, "hash");

  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Replay()->kind, Kind::kMatch);
}

TEST_F(MovedServerTest, TheLogTellsOfTheMoveOnceForEachModel) {
  ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  testing::internal::CaptureStderr();
  Move();
  const std::string log = testing::internal::GetCapturedStderr();
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  trainer_.SetHold(Hold::kNone);
  EXPECT_THAT(log, testing::HasSubstr(absl::StrCat("numeric_environment_changed model=", model_->uid(), " old=hash",
                                                   " new=\"another machine\" shards_to_retrain=2")));
  EXPECT_EQ(log.find("numeric_environment_changed"), log.rfind("numeric_environment_changed"));
}

}  // namespace
}  // namespace expunge
