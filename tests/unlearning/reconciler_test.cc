// The one act, called by hand: with workers = 0 nobody else does it.

#include "unlearning/reconciler.h"

#include <optional>
#include <vector>

#include "catalog/sample_codec.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using Outcome = Reconciler::Outcome;
using Phase = ShardStatus::Phase;

bool NeverStop() { return false; }

class ReconcilerTest : public EngineTest {
 protected:
  ReconcilerTest() {
    options_.retrain.workers = 0;
    Open();
    model_ = CreateModel("m", SmallSpec(1, 3));
    for (uint32_t slice = 0; slice < 3; ++slice) {
      for (int nth = 0; nth < 2; ++nth) IngestSubjects(*model_, SubjectIn(*model_, 0, slice, nth), 1);
    }
    training_log_.emplace(&engine_->keyring(), &clock_);
    reconciler_ = std::make_unique<Reconciler>(&engine_->store(), &engine_->keyring(), &engine_->rekeyer(), &trainer_,
                                               &engine_->ledger(), &*training_log_, &subject_locks_, &clock_);
  }

  absl::StatusOr<Outcome> Reconcile(bool train, const std::function<bool()>& stop = NeverStop) {
    return reconciler_->Reconcile(*model_, 0, train, stop);
  }
  void Apply(const SubjectUpdate& update) {
    MutexLock lock(&model_->record_mutex);
    ASSERT_THAT(engine_->store().ApplyIngest(model_->uid(), model_->record, {update}), IsOk());
  }
  void Train() {
    ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
    ASSERT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  }

  std::shared_ptr<ModelEntry> model_;
  StripedLocks subject_locks_{16};
  std::optional<TrainingLog> training_log_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, AModelThatWasNeverTrainedIsUpToDateAndUntrained) {
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  EXPECT_EQ(model_->Status(0).phase, Phase::kUntrained);
  EXPECT_EQ(trainer_.trainings(), 0);
}

TEST_F(ReconcilerTest, RepeatedItChangesNothing) {
  Train();
  const auto snapshot = model_->ensemble().Current();
  const int before = trainer_.trainings();
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kUpToDate);
  EXPECT_EQ(trainer_.trainings(), before);
  EXPECT_EQ(model_->ensemble().Current(), snapshot);
}

TEST_F(ReconcilerTest, WithoutTrainingItPublishesThePrefixAndLeavesTheErasureOpen) {
  Train();
  const records::Erasure erasure = Forget(SubjectIn(*model_, 0, 1));
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kNeedsTraining);
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 1);
  EXPECT_EQ(model_->Status(0).phase, Phase::kWaiting);
  EXPECT_FALSE(Stored(erasure).tasks(0).retrained());
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  EXPECT_TRUE(Stored(erasure).tasks(0).retrained());
  EXPECT_NE(Stored(erasure).retrained_time_micros(), 0);
}

TEST_F(ReconcilerTest, WhatIsKnownToNeedTrainingIsNotReadAgainUntilItIsTrained) {
  Train();
  Forget(SubjectIn(*model_, 0, 1));
  SubjectUpdate unreadable = {.subject = PseudonymOf(SubjectIn(*model_, 0, 0))};
  unreadable.row = *RowOf(*model_, SubjectIn(*model_, 0, 0));
  unreadable.row.mutable_samples(0)->set_key("short");
  Apply(unreadable);
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kNeedsTraining);
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 1);
  EXPECT_THAT(Reconcile(/*train=*/true), Fails(absl::StatusCode::kDataLoss, "SAMPLE_CORRUPT"));
}

TEST_F(ReconcilerTest, AShardThatLosesItsLastSubjectNeedsNoTraining) {
  Train();
  for (uint32_t slice = 0; slice < 3; ++slice) {
    for (int nth = 0; nth < 2; ++nth) Forget(SubjectIn(*model_, 0, slice, nth));
  }
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kUpToDate);
}

TEST_F(ReconcilerTest, APrefixThatCannotBeReadIsTrainedAgainAndNoFailure) {
  Train();
  Forget(SubjectIn(*model_, 0, 1));
  const records::Checkpoint header = engine_->store().GetCheckpoint({model_->uid(), 0}, 0)->value();
  ASSERT_THAT(engine_->store().PutCheckpoint({model_->uid(), 0}, 0, header, "rotten"), IsOk());
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kNeedsTraining);
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kNeedsTraining);
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
}

TEST_F(ReconcilerTest, WhatIsValidVotesAlsoWhenItIsNotKnownToBe) {
  Train();
  model_->Bump(0, /*gone=*/false);
  Forget(SubjectIn(*model_, 0, 1));
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kNeedsTraining);
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 1);
}

TEST_F(ReconcilerTest, OneThatWasNeverTrainedOnNeedsNoTraining) {
  Train();
  IngestSubjects(*model_, SubjectIn(*model_, 0, 1, /*nth=*/2), 1);
  for (uint32_t slice = 0; slice < 3; ++slice) {
    for (int nth = 0; nth < 2; ++nth) Forget(SubjectIn(*model_, 0, slice, nth));
  }
  EXPECT_EQ(*Reconcile(/*train=*/false), Outcome::kUpToDate) << "somebody is left, who waits for the next TrainModel";
}

TEST_F(ReconcilerTest, StoppedItKeepsWhatWasCommitted) {
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  EXPECT_EQ(*Reconcile(/*train=*/true, [this] { return trainer_.trainings() > 1; }), Outcome::kStopped);
  EXPECT_TRUE(model_->Status(0).slices[0].checkpoint);
  EXPECT_TRUE(model_->Status(0).slices[1].checkpoint);
  EXPECT_FALSE(model_->Status(0).slices[2].checkpoint);
  const int before = trainer_.trainings();
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  EXPECT_EQ(trainer_.trainings() - before, 1);
}

TEST_F(ReconcilerTest, AForgetInTheMiddleMeansAgain) {
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  bool forgotten = false;
  const int subject = SubjectIn(*model_, 0, 1);
  EXPECT_EQ(*Reconcile(/*train=*/true,
                       [&] {
                         if (trainer_.trainings() == 2 && !std::exchange(forgotten, true)) Forget(subject);
                         return false;
                       }),
            Outcome::kMoved);
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  EXPECT_FALSE(AnyoneKnows(*model_, subject));
}

TEST_F(ReconcilerTest, ATrainersErrorLeavesWhatIsValidAndTheErasureOpen) {
  Train();
  const records::Erasure erasure = Forget(SubjectIn(*model_, 0, 2));
  trainer_.FailWith(absl::InternalError("no luck"));
  EXPECT_EQ(Reconcile(/*train=*/true).status(), absl::InternalError("no luck"));
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 2);
  EXPECT_FALSE(Stored(erasure).tasks(0).retrained());
}

TEST_F(ReconcilerTest, ASampleThatIsNotWhatTheMembershipNamesIsDataLoss) {
  const int subject = SubjectIn(*model_, 0, 0);
  const records::Subject row = *RowOf(*model_, subject);
  const SampleKey key = SampleKeyFromBytes(row.samples(0).key());
  const SubjectKey data_key = *engine_->keyring().GetSubjectKey(model_->uid(), PseudonymOf(subject)).value();
  SubjectUpdate update = {.subject = PseudonymOf(subject), .row = row};
  update.added.push_back({key, SealSample(data_key.key, model_->uid(), PseudonymOf(subject), key, "evil", 0)});
  Apply(update);
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  EXPECT_THAT(Reconcile(/*train=*/true), Fails(absl::StatusCode::kDataLoss, "SAMPLE_CORRUPT"));
  EXPECT_FALSE(VoteOf(*model_, 0));
}

TEST_F(ReconcilerTest, AModelThatIsBeingDeletedIsNotTrained) {
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  {
    MutexLock lock(&model_->record_mutex);
    model_->record.set_deleting(true);
  }
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kStopped);
  EXPECT_EQ(trainer_.trainings(), 0);
}

// With workers = 0 nothing but the publisher of prefixes acts between a Forget and the next Reconcile.
class KnownPrefixTest : public ReconcilerTest {
 protected:
  static constexpr absl::Duration kLimit = absl::Seconds(60);

  // Until the shard votes with so many slices.
  bool WaitForVote(uint32_t slices) {
    return WaitUntil(
        *engine_, *model_,
        [&] {
          const auto vote = VoteOf(*model_, 0);
          return vote && vote->slices == slices;
        },
        kLimit);
  }
};

TEST_F(KnownPrefixTest, VotesAgainWithoutAPassOverTheShard) {
  Train();
  const int subject = SubjectIn(*model_, 0, 2);
  Forget(subject);
  ASSERT_TRUE(WaitForVote(2));
  EXPECT_FALSE(AnyoneKnows(*model_, subject));
  Forget(SubjectIn(*model_, 0, 1));
  ASSERT_TRUE(WaitForVote(1));
  EXPECT_EQ(*Reconcile(/*train=*/true), Outcome::kUpToDate);
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 3u);
}

TEST_F(KnownPrefixTest, ThatOfTheFirstSliceLeavesNothingToPublish) {
  Train();
  Forget(SubjectIn(*model_, 0, 0));
  ASSERT_THAT(reconciler_->PublishKnownPrefix(*model_, 0), IsOk());
  EXPECT_EQ(VoteOf(*model_, 0), std::nullopt);
}

TEST_F(KnownPrefixTest, WhoVotesIsLeftAlone) {
  Train();
  const auto snapshot = model_->ensemble().Current();
  ASSERT_THAT(reconciler_->PublishKnownPrefix(*model_, 0), IsOk());
  EXPECT_EQ(model_->ensemble().Current(), snapshot);
}

TEST_F(KnownPrefixTest, WhatATrainingMayHaveMadeInvalidIsNotKnown) {
  Train();
  IngestSubjects(*model_, SubjectIn(*model_, 0, 1, 5), 1);
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  model_->ensemble().Withdraw(0, 0, model_->Bump(0, /*gone=*/false));
  ASSERT_THAT(reconciler_->PublishKnownPrefix(*model_, 0), IsOk());
  EXPECT_EQ(VoteOf(*model_, 0), std::nullopt);
}

}  // namespace
}  // namespace expunge
