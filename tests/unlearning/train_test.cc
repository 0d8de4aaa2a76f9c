#include <string>

#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::HasSubstr;
using Phase = ShardStatus::Phase;

class TrainTest : public EngineTest {
 protected:
  absl::Status Train() { return engine_->unlearner().Train(*model_); }

  void OpenWithModel(uint32_t shards, uint32_t slices) {
    Open();
    model_ = CreateModel("m", SmallSpec(shards, slices));
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(TrainTest, WithoutSamplesIsRefused) {
  OpenWithModel(1, 1);
  EXPECT_THAT(Train(), Fails(absl::StatusCode::kFailedPrecondition, "NO_SAMPLES"));
  EXPECT_FALSE(model_->trained());
}

TEST_F(TrainTest, WithMoreSlicesThanSubjectsIsRefusedAndTheBoundIsNamed) {
  OpenWithModel(1, 4);
  IngestSubjects(*model_, 1, 3);
  const absl::Status refused = Train();
  EXPECT_THAT(refused, Fails(absl::StatusCode::kFailedPrecondition, "MORE_SLICES_THAN_SUBJECTS"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("4 slices"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("3 subjects"));
  EXPECT_EQ(model_->trained_through(), 0);
  IngestSubjects(*model_, 4, 1);
  TrainAll(*model_);
}

TEST_F(TrainTest, SubjectsThatWereForgottenDoNotCount) {
  OpenWithModel(1, 4);
  IngestSubjects(*model_, 1, 4);
  Forget(1);
  EXPECT_THAT(Train(), Fails(absl::StatusCode::kFailedPrecondition, "MORE_SLICES_THAN_SUBJECTS"));
}

TEST_F(TrainTest, OfAModelThatIsDeletedIsRefused) {
  OpenWithModel(1, 1);
  IngestSubjects(*model_, 1, 1);
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  EXPECT_FALSE(Train().ok());
}

TEST_F(TrainTest, EveryShardWithSamplesVotesWithAllItsSlices) {
  OpenWithModel(3, 3);
  IngestSubjects(*model_, 1, 30);
  EXPECT_EQ(model_->Status(0).phase, Phase::kUntrained);
  TrainAll(*model_);
  EXPECT_TRUE(model_->trained());
  for (uint32_t shard = 0; shard < 3; ++shard) {
    ASSERT_TRUE(VoteOf(*model_, shard)) << shard;
    EXPECT_EQ(VoteOf(*model_, shard)->slices, 3);
    const ShardStatus status = model_->Status(shard);
    EXPECT_EQ(status.phase, Phase::kTrained);
    for (const ShardStatus::Slice& slice : status.slices) EXPECT_TRUE(slice.checkpoint);
    EXPECT_EQ(status.slices.back().parameters_digest, VoteOf(*model_, shard)->parameters_digest);
    EXPECT_EQ(status.slices.back().lineage, VoteOf(*model_, shard)->lineage);
  }
  for (int subject = 1; subject <= 30; ++subject) EXPECT_TRUE(AnyoneKnows(*model_, subject));
}

TEST_F(TrainTest, AShardWithoutSamplesIsTrainedAndDoesNotVote) {
  OpenWithModel(2, 1);
  IngestSubjects(*model_, SubjectIn(*model_, 1, 0), 1);
  TrainAll(*model_);
  EXPECT_EQ(model_->Status(0).phase, Phase::kTrained);
  EXPECT_FALSE(VoteOf(*model_, 0));
  EXPECT_TRUE(VoteOf(*model_, 1));
}

TEST_F(TrainTest, AgainWithoutNewSamplesTrainsNothing) {
  OpenWithModel(2, 2);
  IngestSubjects(*model_, 1, 12);
  TrainAll(*model_);
  const int before = trainer_.trainings();
  const auto snapshot = model_->ensemble().Current();
  TrainAll(*model_);
  EXPECT_EQ(trainer_.trainings(), before);
  EXPECT_EQ(model_->ensemble().Current(), snapshot);
}

TEST_F(TrainTest, NewSamplesWaitForTheNextTrain) {
  OpenWithModel(1, 2);
  IngestSubjects(*model_, 1, 6);
  TrainAll(*model_);
  IngestSubjects(*model_, 7, 1);
  Reopen();  // reconciles every shard before it returns
  model_ = FindModel("m");
  ASSERT_TRUE(VoteOf(*model_, 0));
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 2);
  EXPECT_FALSE(AnyoneKnows(*model_, 7));
  TrainAll(*model_);
  EXPECT_TRUE(AnyoneKnows(*model_, 7));
}

TEST_F(TrainTest, NewSamplesCostTheSlicesFromTheirsOn) {
  OpenWithModel(1, 4);
  for (uint32_t slice = 0; slice < 4; ++slice) IngestSubjects(*model_, SubjectIn(*model_, 0, slice), 1);
  TrainAll(*model_);
  const int before = trainer_.trainings();
  IngestSubjects(*model_, SubjectIn(*model_, 0, 2, 1), 1);
  TrainAll(*model_);
  EXPECT_EQ(trainer_.trainings() - before, 2);
}

TEST_F(TrainTest, TheOldConstituentVotesUntilTheNewOneIsComplete) {
  OpenWithModel(1, 2);
  IngestSubjects(*model_, 1, 6);
  TrainAll(*model_);
  const Digest old = VoteOf(*model_, 0)->parameters_digest;
  IngestSubjects(*model_, SubjectIn(*model_, 0, 0), 1);
  trainer_.SetHold(Hold::kObedient, /*let_through=*/1);
  ASSERT_THAT(Train(), IsOk());
  trainer_.WaitUntilHeld();  // in the second of two slices
  ASSERT_TRUE(VoteOf(*model_, 0));
  EXPECT_EQ(VoteOf(*model_, 0)->parameters_digest, old);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_NE(VoteOf(*model_, 0)->parameters_digest, old);
}

TEST_F(TrainTest, WhatAFailedAttemptOwesStaysOpenSaysWhyAndIsDoneLater) {
  engine_clock_ = &SystemClock();  // the second attempt comes a second later
  OpenWithModel(1, 2);
  const int subject = SubjectIn(*model_, 0, 1);
  for (int nth = 0; nth < 3; ++nth) IngestSubjects(*model_, SubjectIn(*model_, 0, 0, nth), 1);
  IngestSubjects(*model_, subject, 1);
  IngestSubjects(*model_, SubjectIn(*model_, 0, 1, 1), 1);
  TrainAll(*model_);
  trainer_.FailWith(absl::InternalError("no luck"));
  const records::Erasure erasure = Forget(subject);
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return !model_->Status(0).problem.empty(); }));
  EXPECT_THAT(model_->Status(0).problem, HasSubstr("no luck"));
  EXPECT_EQ(model_->Status(0).phase, Phase::kWaiting);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  ASSERT_TRUE(VoteOf(*model_, 0));
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 1) << "what is clean votes meanwhile";
  trainer_.FailWith(absl::OkStatus());
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(model_->Status(0).problem, "");
  EXPECT_EQ(VoteOf(*model_, 0)->slices, 2);
}

}  // namespace
}  // namespace expunge
