// A server that ended at any moment comes back, serves what is clean and finishes what it owed.

#include <functional>
#include <string>
#include <vector>

#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using Phase = ShardStatus::Phase;

class RecoveryTest : public EngineTest {
 protected:
  // One shard with three subjects in each slice.
  void OpenTrained(uint32_t slices) {
    Open();
    model_ = CreateModel("m", SmallSpec(1, slices));
    for (uint32_t slice = 0; slice < slices; ++slice) {
      for (int nth = 0; nth < 3; ++nth) IngestSubjects(*model_, SubjectIn(*model_, 0, slice, nth), 1);
    }
    TrainAll(*model_);
    id_ = {model_->uid(), 0};
  }

  void ReopenModel() {
    Reopen();
    model_ = FindModel("m");
  }

  // The first half of a Forget: its record, and no more.
  records::Erasure RecordOnly(int subject) {
    ForgetRequest request = RequestFor(subject);
    request.validate_only = true;
    records::Erasure erasure = engine_->unlearner().Forget(request)->erasure;
    erasure.set_state(records::Erasure::IN_PROGRESS);
    erasure.set_sequence(engine_->ledger().BeginIsolation());
    erasure.set_isolated_time_micros(absl::ToUnixMicros(clock_.Now()));
    EXPECT_THAT(engine_->ledger().Record({{.erasure = &erasure,
                                           .subject = PseudonymOf(subject),
                                           .forgotten_in = {model_->uid()},
                                           .suppress_in = {kEveryModel}}}),
                IsOk());
    return erasure;
  }

  records::Checkpoint CheckpointOf(uint32_t slice) { return engine_->store().GetCheckpoint(id_, slice)->value(); }
  bool HasSubjectKey(int subject) {
    return engine_->keyring().GetSubjectKey(model_->uid(), PseudonymOf(subject))->has_value();
  }

  std::shared_ptr<ModelEntry> model_;
  ShardId id_;
};

TEST_F(RecoveryTest, WhatWasTrainedVotesBeforeRecoverReturnsAndIsNotTrainedAgain) {
  OpenTrained(3);
  const Constituent before = *VoteOf(*model_, 0);
  const int trainings = trainer_.trainings();
  ReopenModel();
  ASSERT_TRUE(VoteOf(*model_, 0));
  EXPECT_EQ(VoteOf(*model_, 0)->parameters_digest, before.parameters_digest);
  EXPECT_EQ(VoteOf(*model_, 0)->lineage, before.lineage);
  EXPECT_EQ(model_->Status(0).phase, Phase::kTrained);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings(), trainings);
}

TEST_F(RecoveryTest, SeveralThreadsRecoverManyShards) {
  Open();
  const auto m = CreateModel("m", SmallSpec(8, 2)), n = CreateModel("n", SmallSpec(3, 2));
  for (const auto& model : {m, n}) {
    IngestSubjects(*model, 1, 40);
    TrainAll(*model);
  }
  const size_t voting = m->ensemble().Current()->constituents.size();
  options_.recovery_threads = 4;
  Reopen();
  EXPECT_EQ(FindModel("m")->ensemble().Current()->constituents.size(), voting);
  EXPECT_EQ(FindModel("n")->ensemble().Current()->constituents.size(), 3);
}

TEST_F(RecoveryTest, AnErasureThatWasRecordedAndNothingElseIsFinished) {
  OpenTrained(3);
  const int subject = SubjectIn(*model_, 0, 1);
  const Digest knowing = VoteOf(*model_, 0)->parameters_digest;
  const records::Erasure erasure = RecordOnly(subject);
  Close();
  OpenWithoutRecovery();
  EXPECT_FALSE(HasSubjectKey(subject)) << "the record and the death of the key are one";
  model_ = FindModel("m");
  EXPECT_TRUE(RowOf(*model_, subject)) << "the control: the rows were not removed before";
  ASSERT_THAT(engine_->Recover(), IsOk());
  EXPECT_FALSE(RowOf(*model_, subject));
  EXPECT_FALSE(AnyoneKnows(*model_, subject));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 3);
  EXPECT_NE(VoteOf(*model_, 0)->parameters_digest, knowing);
  EXPECT_FALSE(AnyoneKnows(*model_, subject));
}

TEST_F(RecoveryTest, AnErasureOfAModelThatIsGoneIsFinished) {
  OpenTrained(1);
  const records::Erasure erasure = RecordOnly(SubjectIn(*model_, 0, 0));
  ASSERT_THAT(engine_->store().DeleteModel(model_->uid()), IsOk());
  Reopen();
  const auto other = CreateModel("n", SmallSpec(1, 1));  // for its notifications
  ASSERT_TRUE(WaitUntilIdle(*engine_, *other));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(RecoveryTest, ARetrainGoesOnAfterTheLastCommittedSlice) {
  OpenTrained(4);
  const int subject = SubjectIn(*model_, 0, 0);
  trainer_.SetHold(Hold::kObedient, /*let_through=*/2);
  const records::Erasure erasure = Forget(subject);
  trainer_.WaitUntilHeld();
  const int before = trainer_.trainings();
  Close();
  trainer_.SetHold(Hold::kObedient);
  Open();
  model_ = FindModel("m");
  trainer_.WaitUntilHeld();
  ASSERT_TRUE(VoteOf(*model_, 0));
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 2) << "what was committed votes at once";
  EXPECT_FALSE(AnyoneKnows(*model_, subject));
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 2);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(RecoveryTest, AFirstTrainGoesOnAfterTheLastCommittedSlice) {
  OpenTrained(3);
  const Digest uninterrupted = VoteOf(*model_, 0)->parameters_digest;
  IngestSubjects(*model_, SubjectIn(*model_, 0, 0, 3), 1);
  trainer_.SetHold(Hold::kObedient, /*let_through=*/1);
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  trainer_.WaitUntilHeld();
  const int before = trainer_.trainings();
  Close();
  trainer_.SetHold(Hold::kNone);
  Open();
  model_ = FindModel("m");
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 2);
  EXPECT_NE(VoteOf(*model_, 0)->parameters_digest, uninterrupted);
}

TEST_F(RecoveryTest, AnErasureThatWasIsolatedButNotPurgedIsFinished) {
  Open();
  model_ = CreateModel("m", SmallSpec(1, 1));
  records::Erasure erasure;
  erasure.set_uuid(std::string(16, 'u'));
  erasure.set_subject(std::string(32, 's'));
  erasure.set_state(records::Erasure::IN_PROGRESS);
  erasure.set_isolated_time_micros(1);
  erasure.set_sequence(engine_->ledger().BeginIsolation());
  ASSERT_THAT(engine_->ledger().Record({{.erasure = &erasure}}), IsOk());
  ReopenModel();
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_NE(Stored(erasure).purged_time_micros(), 0);
}

// --- a checkpoint that cannot be read is none

class UnreadableCheckpointTest : public RecoveryTest {
 protected:
  void Damage(const std::string& kind, uint32_t slice) {
    records::Checkpoint header = CheckpointOf(slice);
    std::string state = *engine_->store().GetCheckpointState(id_, slice);
    if (kind == "KeyGone") {
      ASSERT_THAT(engine_->keyring().DestroyCheckpointKeys({id_, slice}), IsOk());
      return;
    }
    if (kind == "StateChanged") state[state.size() / 2] ^= 1;
    if (kind == "StateOfAnotherSlice") state = *engine_->store().GetCheckpointState(id_, slice - 1);
    if (kind == "KeyIdTooShort") header.set_key_id("short");
    if (kind == "ParametersAreOthers") header.set_parameters_digest(std::string(32, 'x'));
    if (kind == "LineageIsAnother") header.set_lineage(std::string(32, 'x'));
    ASSERT_THAT(engine_->store().PutCheckpoint(id_, slice, header, state), IsOk());
  }
};

class UnreadableCheckpointKindTest : public UnreadableCheckpointTest,
                                     public testing::WithParamInterface<std::string> {};

TEST_P(UnreadableCheckpointKindTest, IsTrainedAgain) {
  OpenTrained(3);
  const Digest parameters = VoteOf(*model_, 0)->parameters_digest;
  Damage(GetParam(), 2);
  const int before = trainer_.trainings();
  trainer_.SetHold(Hold::kObedient);
  ReopenModel();
  ASSERT_TRUE(VoteOf(*model_, 0));
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 2);
  trainer_.WaitUntilHeld();
  EXPECT_FALSE(model_->Status(0).slices[2].checkpoint);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 1);
  EXPECT_EQ(VoteOf(*model_, 0)->parameters_digest, parameters);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UnreadableCheckpointKindTest,
                         testing::Values("KeyGone", "StateChanged", "StateOfAnotherSlice", "KeyIdTooShort",
                                         "ParametersAreOthers", "LineageIsAnother"),
                         [](const auto& info) { return info.param; });

TEST_F(UnreadableCheckpointTest, OneInTheMiddleMattersOnlyWhenItIsNeeded) {
  OpenTrained(4);
  Damage("StateChanged", 1);
  int before = trainer_.trainings();
  ReopenModel();
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 4);
  Forget(SubjectIn(*model_, 0, 2));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 3) << "slices 1 to 3";
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 4);

  before = trainer_.trainings();
  Damage("LineageIsAnother", 1);
  ReopenModel();
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(trainer_.trainings() - before, 3) << "what follows an invalid checkpoint is invalid";
}

}  // namespace
}  // namespace expunge
