#include <vector>

#include "base/error.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class DeletionTest : public EngineTest {
 protected:
  void OpenTrained() {
    Open();
    model_ = CreateModel("m", SmallSpec(1, 2));
    IngestSubjects(*model_, 1, 6);
    TrainAll(*model_);
  }

  absl::Status Delete() { return engine_->unlearner().Delete(*model_); }

  bool HasSubjectKey(int subject) {
    return engine_->keyring().GetSubjectKey(model_->uid(), PseudonymOf(subject))->has_value();
  }

  void ExpectNothingLeft(const std::vector<CheckpointKeyId>& checkpoint_keys = {}) {
    for (int subject = 1; subject <= 6; ++subject) {
      EXPECT_FALSE(HasSubjectKey(subject));
      EXPECT_EQ(RowOf(*model_, subject), std::nullopt);
    }
    for (uint32_t slice = 0; slice < 2; ++slice) {
      EXPECT_FALSE(engine_->store().GetCheckpoint({model_->uid(), 0}, slice)->has_value()) << slice;
      for (const CheckpointKeyId& key : checkpoint_keys) {
        EXPECT_FALSE(engine_->keyring().GetCheckpointKey({model_->uid(), 0}, slice, key)->has_value());
      }
    }
    EXPECT_TRUE(engine_->store().ListModels()->empty());
    EXPECT_EQ(engine_->catalog().FindByUid(model_->uid()), nullptr);
  }

  std::vector<CheckpointKeyId> CheckpointKeys() {
    std::vector<CheckpointKeyId> keys(2);
    for (uint32_t slice = 0; slice < 2; ++slice) {
      const records::Checkpoint checkpoint = engine_->store().GetCheckpoint({model_->uid(), 0}, slice)->value();
      std::copy(checkpoint.key_id().begin(), checkpoint.key_id().end(), keys[slice].begin());
      EXPECT_TRUE(engine_->keyring().GetCheckpointKey({model_->uid(), 0}, slice, keys[slice])->has_value());
    }
    return keys;
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(DeletionTest, TakesKeysAndDataAwayBeforeItReturns) {
  OpenTrained();
  const auto keys = CheckpointKeys();
  ASSERT_THAT(Delete(), IsOk());
  ExpectNothingLeft(keys);
  EXPECT_TRUE(model_->ensemble().Current()->constituents.empty())
      << "who holds the entry must not predict with it either";
  Reopen();
  ExpectNothingLeft(keys);
}

TEST_F(DeletionTest, LeavesOtherModelsAlone) {
  OpenTrained();
  const auto other = CreateModel("n", SmallSpec(1, 2));
  IngestSubjects(*other, 1, 6);
  TrainAll(*other);
  ASSERT_THAT(Delete(), IsOk());
  Reopen();
  const auto found = FindModel("n");
  EXPECT_TRUE(AnyoneKnows(*found, 1));
  EXPECT_EQ(RowOf(*found, 1)->samples_size(), 2);
}

TEST_F(DeletionTest, CompletesTheErasuresThatTheModelOwed) {
  OpenTrained();
  const auto other = CreateModel("n", SmallSpec(1, 2));
  IngestSubjects(*other, 1, 6);
  TrainAll(*other);
  trainer_.SetHold(Hold::kObedient);
  const records::Erasure erasure = Forget(1);  // in both models
  trainer_.WaitUntilHeld();
  ASSERT_THAT(Delete(), IsOk());
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS) << "the other model owes it still";
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *other));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(DeletionTest, ATrainingThatEndsAfterItCommitsNothing) {
  OpenTrained();
  trainer_.SetHold(Hold::kDeaf);
  Forget(1);
  trainer_.WaitUntilHeld();
  ASSERT_THAT(Delete(), IsOk());
  trainer_.SetHold(Hold::kNone);
  Reopen();  // the workers have ended by then
  EXPECT_FALSE(engine_->store().GetCheckpoint({model_->uid(), 0}, 0)->has_value());
  EXPECT_FALSE(engine_->store().GetCheckpoint({model_->uid(), 0}, 1)->has_value());
}

TEST_F(DeletionTest, OneThatWasInterruptedIsFinishedAtTheNextStart) {
  OpenTrained();
  const auto keys = CheckpointKeys();
  trainer_.FailWith(absl::InternalError("held back"));  // so that the erasure stays open
  const records::Erasure erasure = Forget(6);
  {
    MutexLock lock(&model_->record_mutex);
    records::Model record = model_->record;
    record.set_deleting(true);
    ASSERT_THAT(engine_->store().PutModel(model_->uid(), record), IsOk());
  }
  Close();
  OpenWithoutRecovery();
  EXPECT_TRUE(HasSubjectKey(1)) << "the control: it was not finished before";
  ASSERT_THAT(engine_->Recover(), IsOk());
  ExpectNothingLeft(keys);
  EXPECT_THAT(engine_->catalog().Find("m"), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  const auto other = CreateModel("m", SmallSpec(1, 1));  // for its notifications
  ASSERT_TRUE(WaitUntilIdle(*engine_, *other));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(DeletionTest, OneThatWasInterruptedLeavesALaterModelOfTheName) {
  OpenTrained();
  {
    MutexLock lock(&model_->record_mutex);
    records::Model record = model_->record;
    record.set_deleting(true);
    ASSERT_THAT(engine_->store().PutModel(model_->uid(), record), IsOk());
  }
  engine_->catalog().Remove(*model_);
  const auto later = CreateModel("m", SmallSpec(1, 2));
  Ingest(*later, {{1, 0}});
  Reopen();
  EXPECT_FALSE(HasSubjectKey(1));
  EXPECT_EQ(RowOf(*model_, 1), std::nullopt);
  EXPECT_EQ(FindModel("m")->uid(), later->uid());
  EXPECT_EQ(RowOf(*FindModel("m"), 1)->samples_size(), 1);
}

// The deletion failed between its record and the death of the keys: what the model holds could still be used.
TEST_F(DeletionTest, AForgetMeanwhileIsRefusedAndRecordsNothing) {
  OpenTrained();
  {
    MutexLock lock(&model_->record_mutex);
    model_->record.set_deleting(true);
  }
  const ForgetRequest request = RequestFor(1);
  const absl::Status refused = engine_->unlearner().Forget(request).status();
  EXPECT_THAT(refused, Fails(absl::StatusCode::kUnavailable, "MODEL_BEING_DELETED"));
  EXPECT_EQ(RetryAfterOf(refused), absl::Seconds(1));
  EXPECT_TRUE(HasSubjectKey(1));
  for (const uint64_t count : engine_->ledger().CountsByState()) EXPECT_EQ(count, 0u);
  EXPECT_THAT(engine_->unlearner().Forget(RequestFor(99)), IsOk()) << "a subject that it does not hold";
  ASSERT_THAT(Delete(), IsOk());
  const auto repeated = engine_->unlearner().Forget(request);
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ(repeated->erasure.samples_erased(), 0u) << "the deletion took them";
}

TEST_F(DeletionTest, RepeatedChangesNothing) {
  OpenTrained();
  ASSERT_THAT(Delete(), IsOk());
  ASSERT_THAT(Delete(), IsOk());
  ExpectNothingLeft();
}

TEST_F(DeletionTest, AForgetAfterItIsCompletedWithoutARetrain) {
  OpenTrained();
  ASSERT_THAT(Delete(), IsOk());
  const records::Erasure erasure = Forget(1);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
  EXPECT_EQ(erasure.tasks_size(), 0);
  EXPECT_EQ(erasure.samples_erased(), 0);
}

}  // namespace
}  // namespace expunge
