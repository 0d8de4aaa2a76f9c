// What happens in the shards after, before and while a Forget comes.

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "serving/predictor.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using Phase = ShardStatus::Phase;

class ForgetRetrainTest : public EngineTest {
 protected:
  // A trained model of two shards by `slices` with subjects enough in every slice.
  void OpenTrained(uint32_t slices) {
    Open();
    model_ = CreateModel("m", SmallSpec(2, slices));
    for (uint32_t shard = 0; shard < 2; ++shard) {
      for (uint32_t slice = 0; slice < slices; ++slice) {
        for (int nth = 0; nth < 6; ++nth) IngestSubjects(*model_, SubjectIn(*model_, shard, slice, nth), 1);
      }
    }
    TrainAll(*model_);
  }

  bool Wait(const std::function<bool()>& done) { return WaitUntil(*engine_, *model_, done); }
  bool WaitUntilCompleted(const records::Erasure& erasure) {
    return Wait([&] { return Stored(erasure).state() == records::Erasure::COMPLETED; });
  }
  uint32_t VotingSlices(uint32_t shard) {
    const auto vote = VoteOf(*model_, shard);
    return vote ? vote->slices : 0;
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(ForgetRetrainTest, TheLongestCleanPrefixVotesWhileTheRestIsTrained) {
  OpenTrained(4);
  const int subject = SubjectIn(*model_, 0, 2);
  trainer_.SetHold(Hold::kObedient);
  const records::Erasure erasure = Forget(subject);
  trainer_.WaitUntilHeld();
  EXPECT_EQ(VotingSlices(0), 2);
  EXPECT_EQ(VotingSlices(1), 4);
  EXPECT_EQ(model_->Status(0).phase, Phase::kTraining);
  EXPECT_EQ(model_->Status(0).training_slice, 2);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilCompleted(erasure));
  EXPECT_EQ(VotingSlices(0), 4);
  EXPECT_FALSE(AnyoneKnows(*model_, subject));
}

TEST_F(ForgetRetrainTest, OnlyTheSlicesFromTheSubjectsFirstOnAreTrainedAgain) {
  OpenTrained(4);
  for (uint32_t slice = 0; slice < 4; ++slice) {
    const int before = trainer_.trainings();
    Forget(SubjectIn(*model_, 1, slice));
    ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
    EXPECT_EQ(trainer_.trainings() - before, 4 - slice);
  }
}

TEST_F(ForgetRetrainTest, BeforeAnyTrainNothingIsTrainedAndTheErasureCompletes) {
  Open();
  model_ = CreateModel("m", SmallSpec(2, 2));
  IngestSubjects(*model_, 1, 8);
  const records::Erasure erasure = Forget(1);
  EXPECT_EQ(erasure.samples_erased(), 2);
  ASSERT_TRUE(WaitUntilCompleted(erasure));
  EXPECT_EQ(trainer_.trainings(), 0);
  EXPECT_EQ(model_->Status(0).phase, Phase::kUntrained);
  TrainAll(*model_);
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  EXPECT_TRUE(AnyoneKnows(*model_, 2));
}

TEST_F(ForgetRetrainTest, ASubjectThatCameAfterTheLastTrainCostsNoRetrain) {
  OpenTrained(2);
  const int subject = SubjectIn(*model_, 0, 0, 50);
  IngestSubjects(*model_, subject, 1);
  const int before = trainer_.trainings();
  const auto vote = VoteOf(*model_, 0);
  const records::Erasure erasure = Forget(subject);
  EXPECT_EQ(VoteOf(*model_, 0)->parameters_digest, vote->parameters_digest) << "it must go on voting";
  ASSERT_TRUE(WaitUntilCompleted(erasure));
  EXPECT_EQ(trainer_.trainings(), before);
  EXPECT_EQ(VoteOf(*model_, 0)->parameters_digest, vote->parameters_digest);
}

TEST_F(ForgetRetrainTest, DuringTheFirstTrainTheSubjectIsLeftOut) {
  Open();
  model_ = CreateModel("m", SmallSpec(1, 2));
  IngestSubjects(*model_, 1, 8);
  for (const Hold hold : {Hold::kDeaf, Hold::kObedient}) {
    const int subject = hold == Hold::kDeaf ? 1 : 2;
    Ingest(*model_, {{subject, 9}});  // so that there is something to train
    trainer_.SetHold(hold);
    ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
    trainer_.WaitUntilHeld();
    const records::Erasure erasure = Forget(subject);
    EXPECT_FALSE(AnyoneKnows(*model_, subject));
    trainer_.SetHold(Hold::kNone);
    ASSERT_TRUE(WaitUntilCompleted(erasure));
    ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
    EXPECT_FALSE(AnyoneKnows(*model_, subject));
    EXPECT_TRUE(AnyoneKnows(*model_, 3));
  }
}

TEST_F(ForgetRetrainTest, ATrainingThatAForgetOvertookStopsAndIsNotCommitted) {
  OpenTrained(1);
  const int before = trainer_.trainings();
  trainer_.SetHold(Hold::kDeaf);
  Forget(SubjectIn(*model_, 0, 0, 0));
  trainer_.WaitUntilHeld();
  const int overtaking = SubjectIn(*model_, 0, 0, 1);
  Forget(overtaking);
  trainer_.SetHold(Hold::kDeaf);  // the stale one ends, its successor is held
  trainer_.WaitUntilHeld();
  EXPECT_EQ(VotingSlices(0), 0) << "the stale result must not be published";
  EXPECT_FALSE(engine_->store().GetCheckpoint({model_->uid(), 0}, 0)->has_value()) << "nor committed";
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 2);
  EXPECT_FALSE(AnyoneKnows(*model_, overtaking));
}

TEST_F(ForgetRetrainTest, OfEverybodyInAShardItStopsVotingAndTheErasuresComplete) {
  OpenTrained(2);
  std::vector<records::Erasure> erasures;
  for (uint32_t slice = 0; slice < 2; ++slice) {
    for (int nth = 0; nth < 6; ++nth) erasures.push_back(Forget(SubjectIn(*model_, 0, slice, nth)));
  }
  EXPECT_EQ(VotingSlices(0), 0);
  for (const records::Erasure& erasure : erasures) ASSERT_TRUE(WaitUntilCompleted(erasure));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(VotingSlices(0), 0);
  EXPECT_EQ(VotingSlices(1), 2);
  EXPECT_EQ(model_->Status(0).phase, Phase::kTrained);
  EXPECT_EQ(model_->Status(0).subjects, 0);
  Reopen();
  model_ = FindModel("m");
  EXPECT_EQ(VotingSlices(0), 0);
  EXPECT_EQ(VotingSlices(1), 2);
}

TEST_F(ForgetRetrainTest, OfEverybodyLeavesAModelThatAnswersNothing) {
  Open();
  model_ = CreateModel("m", SmallSpec(1, 2));
  IngestSubjects(*model_, 1, 3);
  TrainAll(*model_);
  for (int subject = 1; subject <= 3; ++subject) Forget(subject);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  const std::vector<uint8_t> input(4);
  EXPECT_THAT(Predict(model_->spec(), model_->ensemble().Current(), {input.data()}),
              Fails(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS"));
  EXPECT_THAT(engine_->unlearner().Train(*model_), Fails(absl::StatusCode::kFailedPrecondition, "NO_SAMPLES"));
}

TEST_F(ForgetRetrainTest, OfAWholeSliceLeavesTheOthers) {
  OpenTrained(3);
  for (int nth = 0; nth < 6; ++nth) Forget(SubjectIn(*model_, 0, 1, nth));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(VotingSlices(0), 3);
  EXPECT_TRUE(AnyoneKnows(*model_, SubjectIn(*model_, 0, 2)));
  EXPECT_FALSE(AnyoneKnows(*model_, SubjectIn(*model_, 0, 1)));
}

TEST_F(ForgetRetrainTest, ManyInOneShardShareOneRetrainWhileTheWorkerIsBusy) {
  options_.retrain.workers = 1;
  OpenTrained(2);
  const int before = trainer_.trainings();
  trainer_.SetHold(Hold::kObedient);
  Forget(SubjectIn(*model_, 0, 0));
  trainer_.WaitUntilHeld();
  std::vector<std::pair<int, records::Erasure>> erasures;
  for (int nth = 0; nth < 5; ++nth) {
    const int subject = SubjectIn(*model_, 1, 0, nth);
    erasures.emplace_back(subject, Forget(subject));
  }
  EXPECT_EQ(engine_->auditor().Report()->dirty_shards, 2);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 2 + 2) << "two slices in each shard";
  for (const auto& [subject, erasure] : erasures) {
    EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
    EXPECT_FALSE(AnyoneKnows(*model_, subject));
  }
}

TEST_F(ForgetRetrainTest, ManyInTheShardThatIsInTrainingShareOneRetrainAfterIt) {
  options_.retrain.workers = 2;
  OpenTrained(2);
  const int before = trainer_.trainings();
  trainer_.SetHold(Hold::kDeaf);
  Forget(SubjectIn(*model_, 0, 0, 5));
  trainer_.WaitUntilHeld();
  for (int nth = 0; nth < 4; ++nth) Forget(SubjectIn(*model_, 0, 0, nth));
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 1 + 2) << "the one that was overtaken, then both slices";
}

TEST_F(ForgetRetrainTest, TheOldestDeadlineIsRetrainedFirst) {
  options_.retrain.workers = 1;
  OpenTrained(1);
  const auto late = CreateModel("late", SmallSpec(1, 1)), soon = CreateModel("soon", SmallSpec(1, 1));
  for (const auto& model : {late, soon}) {
    IngestSubjects(*model, 1, 4);
    TrainAll(*model);
  }
  trainer_.SetHold(Hold::kObedient);
  Forget(SubjectIn(*model_, 0, 0));
  trainer_.WaitUntilHeld();
  ForgetRequest request = RequestFor(1);
  request.models = {"late"};
  request.regulation = Regulation::kCcpa;  // 45 days
  ASSERT_THAT(engine_->unlearner().Forget(request), IsOk());
  request = RequestFor(1);
  request.models = {"soon"};
  request.regulation = Regulation::kOther;  // 30 days
  ASSERT_THAT(engine_->unlearner().Forget(request), IsOk());
  trainer_.SetHold(Hold::kObedient);
  trainer_.WaitUntilHeld();
  EXPECT_EQ(soon->Status(0).phase, Phase::kTraining);
  EXPECT_EQ(late->Status(0).phase, Phase::kWaiting);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *late));
}

TEST_F(ForgetRetrainTest, TheRetrainDelayPublishesThePrefixAtOnceAndTrainsLater) {
  options_.retrain = {.workers = 1, .retrain_delay = absl::Hours(1)};
  OpenTrained(2);
  const auto other = CreateModel("other", SmallSpec(1, 1));
  IngestSubjects(*other, 1, 1);
  const int before = trainer_.trainings();
  const records::Erasure first = Forget(SubjectIn(*model_, 0, 1, 0));
  ASSERT_TRUE(Wait([&] { return VotingSlices(0) == 1; }));
  clock_.Advance(absl::Minutes(30));
  const records::Erasure second =
      Forget(SubjectIn(*model_, 0, 1, 1));  // in a shard that waits: it waits no longer for it
  const records::Erasure third = Forget(SubjectIn(*model_, 1, 1, 0));
  // The one worker has put shard 0 away when it comes to shard 1.
  ASSERT_TRUE(Wait([&] { return VotingSlices(1) == 1; }));
  EXPECT_EQ(trainer_.trainings(), before);
  EXPECT_EQ(model_->Status(0).phase, Phase::kWaiting);

  clock_.Advance(absl::Minutes(30));
  Forget(1);  // wakes the worker, which sleeps by a real clock
  ASSERT_TRUE(WaitUntilCompleted(first));
  ASSERT_TRUE(WaitUntilCompleted(second));
  EXPECT_EQ(VotingSlices(0), 2);
  EXPECT_EQ(trainer_.trainings(), before + 1);
  EXPECT_EQ(Stored(third).state(), records::Erasure::IN_PROGRESS);
  EXPECT_EQ(VotingSlices(1), 1);

  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());  // plain training waits for nothing
  ASSERT_TRUE(WaitUntilCompleted(third));
}

}  // namespace
}  // namespace expunge
