// What a Forget records and answers, and what it takes away before it answers.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ForgetTest : public EngineTest {
 protected:
  ForgetTest() { Open(); }

  absl::StatusOr<ForgetResult> Try(const ForgetRequest& request) { return engine_->unlearner().Forget(request); }

  std::vector<records::Erasure> AllErasures() {
    std::vector<records::Erasure> erasures;
    EXPECT_THAT(engine_->keyring().erasures().Scan(1,
                                                   [&](const records::Erasure& erasure) {
                                                     erasures.push_back(erasure);
                                                     return true;
                                                   }),
                IsOk());
    return erasures;
  }

  bool Suppressed(const ModelEntry& model, int subject) {
    return engine_->keyring().GetSuppression(model.uid(), PseudonymOf(subject))->subject;
  }
  bool HasKey(const ModelEntry& model, int subject) {
    return engine_->keyring().GetSubjectKey(model.uid(), PseudonymOf(subject))->has_value();
  }

  // By slice: whether the key of the checkpoint exists.
  std::vector<bool> Exist(ShardId shard, const std::vector<CheckpointKeyId>& keys) {
    std::vector<bool> exist;
    for (uint32_t slice = 0; slice < keys.size(); ++slice) {
      exist.push_back(engine_->keyring().GetCheckpointKey(shard, slice, keys[slice])->has_value());
    }
    return exist;
  }
  std::vector<CheckpointKeyId> CheckpointKeys(ShardId shard, uint32_t slices) {
    std::vector<CheckpointKeyId> keys(slices);
    for (uint32_t slice = 0; slice < slices; ++slice) {
      const records::Checkpoint checkpoint = engine_->store().GetCheckpoint(shard, slice)->value();
      std::copy(checkpoint.key_id().begin(), checkpoint.key_id().end(), keys[slice].begin());
    }
    return keys;
  }
};

TEST_F(ForgetTest, RecordsWhatWasAskedAndWhenItIsDue) {
  const auto model = CreateModel("m", SmallSpec(2, 2));
  IngestSubjects(*model, 1, 4);
  ForgetRequest request = RequestFor(1);
  request.regulation = Regulation::kCcpa;
  request.submitted_time = clock_.Now() - absl::Hours(3);
  const auto result = Try(request);
  ASSERT_THAT(result, IsOk());
  const records::Erasure stored = Stored(result->erasure);
  EXPECT_EQ(stored.regulation(), static_cast<uint32_t>(Regulation::kCcpa));
  EXPECT_EQ(stored.received_time_micros(), absl::ToUnixMicros(clock_.Now()));
  EXPECT_EQ(stored.submitted_time_micros(), absl::ToUnixMicros(clock_.Now() - absl::Hours(3)));
  EXPECT_EQ(stored.due_time_micros(), absl::ToUnixMicros(DueTime(Regulation::kCcpa, clock_.Now())));
  EXPECT_EQ(stored.subject(), AsBytes(engine_->keyring().ForgottenName(PseudonymOf(1))));
  EXPECT_EQ(stored.samples_erased(), 2);
  ASSERT_EQ(stored.tasks_size(), 1);
  EXPECT_EQ(stored.tasks(0).model_name(), "m");
  EXPECT_EQ(stored.tasks(0).shard(), ShardOf(*model, 1));
  EXPECT_NE(result->erasure.isolated_time_micros(), 0);
}

TEST_F(ForgetTest, TheSameRequestAgainIsTheSameErasure) {
  const auto model = CreateModel("m", SmallSpec(2, 2));
  IngestSubjects(*model, 1, 4);
  TrainAll(*model);
  const ForgetRequest request = RequestFor(1);
  const auto first = Try(request);
  ASSERT_THAT(first, IsOk());
  clock_.Advance(absl::Hours(1));
  const auto second = Try(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->erasure.uuid(), first->erasure.uuid());
  EXPECT_EQ(second->erasure.received_time_micros(), first->erasure.received_time_micros());
  EXPECT_EQ(second->erasure.samples_erased(), 2);
  EXPECT_EQ(second->subject_nonce, first->subject_nonce);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model));
  EXPECT_EQ(Try(request)->erasure.state(), records::Erasure::COMPLETED);
  Reopen();
  const auto third = Try(request);
  ASSERT_THAT(third, IsOk());
  EXPECT_EQ(third->erasure.uuid(), first->erasure.uuid());
  EXPECT_EQ(third->subject_nonce, first->subject_nonce);
  EXPECT_EQ(AllErasures().size(), 1);
}

TEST_F(ForgetTest, ARepetitionDoesNotTouchASubjectThatCameBack) {
  const auto model = CreateModel("m", SmallSpec(1, 1));
  IngestSubjects(*model, 1, 2);
  const ForgetRequest request = RequestFor(1);
  ASSERT_THAT(Try(request), IsOk());
  Ingest(*model, {{1, 0}}, /*new_consent=*/true);
  ASSERT_THAT(Try(request), IsOk());
  EXPECT_NE(RowOf(*model, 1), std::nullopt);
  EXPECT_TRUE(HasKey(*model, 1));
}

TEST_F(ForgetTest, TheIdOfAnotherRequestIsRefused) {
  const auto model = CreateModel("m", SmallSpec(1, 1));
  CreateModel("n", SmallSpec(1, 1));
  IngestSubjects(*model, 1, 3);
  const ForgetRequest request = RequestFor(1);
  ASSERT_THAT(Try(request), IsOk());
  ForgetRequest subject = request, regulation = request, models = request, submitted = request;
  subject.subject_id = SubjectName(2);
  regulation.regulation = Regulation::kGdpr;
  models.models = {"m"};
  submitted.submitted_time = clock_.Now();
  for (const ForgetRequest& other : {subject, regulation, models, submitted}) {
    EXPECT_THAT(Try(other), Fails(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED"));
  }
  EXPECT_NE(RowOf(*model, 2), std::nullopt);
  EXPECT_EQ(AllErasures().size(), 1);
}

TEST_F(ForgetTest, OrderAndRepetitionOfModelsMakeNoOtherRequest) {
  const auto model = CreateModel("m", SmallSpec(1, 1));
  CreateModel("n", SmallSpec(1, 1));
  IngestSubjects(*model, 1, 1);
  ForgetRequest request = RequestFor(1);
  request.models = {"m", "n"};
  ASSERT_THAT(Try(request), IsOk());
  request.models = {"n", "m", "n"};
  EXPECT_THAT(Try(request), IsOk());
}

TEST_F(ForgetTest, AnUnknownSubjectIsCompletedAtOnceAndMayNotCome) {
  const auto model = CreateModel("m", SmallSpec(2, 2));
  IngestSubjects(*model, 1, 4);
  const records::Erasure erasure = Stored(Forget(99));
  EXPECT_EQ(erasure.state(), records::Erasure::COMPLETED);
  EXPECT_EQ(erasure.samples_erased(), 0);
  EXPECT_EQ(erasure.tasks_size(), 0);
  EXPECT_NE(erasure.completed_time_micros(), 0);
  EXPECT_EQ(Ingest(*model, {{99, 0}}).forgotten, 1);
  EXPECT_EQ(engine_->ledger().isolated_through(), erasure.sequence());
}

TEST_F(ForgetTest, AnUnknownSubjectIsForgottenInModelsToCome) {
  Forget(99);
  const auto model = CreateModel("m", SmallSpec(1, 1));
  EXPECT_EQ(Ingest(*model, {{99, 0}}).forgotten, 1);
}

TEST_F(ForgetTest, AnUnknownModelIsNotFoundAndNothingIsRecorded) {
  const auto model = CreateModel("m", SmallSpec(1, 1));
  IngestSubjects(*model, 1, 1);
  ForgetRequest request = RequestFor(1);
  request.models = {"m", "none"};
  EXPECT_THAT(Try(request), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_THAT(AllErasures(), IsEmpty());
  EXPECT_NE(RowOf(*model, 1), std::nullopt);
  EXPECT_FALSE(Suppressed(*model, 1));
}

TEST_F(ForgetTest, ValidateOnlyTellsWhatWouldBeDoneAndChangesNothing) {
  const auto model = CreateModel("m", SmallSpec(1, 2));
  const int subject = SubjectIn(*model, 0, 1);
  IngestSubjects(*model, 1, 4);
  IngestSubjects(*model, subject, 1);
  TrainAll(*model);
  const auto vote = VoteOf(*model, 0);
  ForgetRequest request = RequestFor(subject);
  request.validate_only = true;
  const auto result = Try(request);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->erasure.state(), records::Erasure::PENDING);
  EXPECT_EQ(result->erasure.samples_erased(), 2);
  ASSERT_EQ(result->erasure.tasks_size(), 1);
  EXPECT_EQ(result->erasure.tasks(0).first_slice(), 1);
  EXPECT_EQ(result->erasure.isolated_time_micros(), 0);
  EXPECT_THAT(AllErasures(), IsEmpty());
  EXPECT_NE(RowOf(*model, subject), std::nullopt);
  EXPECT_TRUE(HasKey(*model, subject));
  EXPECT_FALSE(Suppressed(*model, subject));
  EXPECT_EQ(VoteOf(*model, 0)->parameters_digest, vote->parameters_digest);

  request.validate_only = false;  // the id was not used up
  const auto real = Try(request);
  ASSERT_THAT(real, IsOk());
  EXPECT_EQ(real->erasure.uuid(), result->erasure.uuid());
  EXPECT_EQ(RowOf(*model, subject), std::nullopt);
}

TEST_F(ForgetTest, TakesASubjectOutOfEveryModelThatHoldsIt) {
  const auto m = CreateModel("m", SmallSpec(2, 2)), n = CreateModel("n", SmallSpec(3, 2)),
             other = CreateModel("o", SmallSpec(1, 1));
  IngestSubjects(*m, 1, 6);
  IngestSubjects(*n, 1, 6);
  IngestSubjects(*other, 2, 6);
  for (const auto& model : {m, n, other}) TrainAll(*model);
  const records::Erasure erasure = Forget(1);
  ASSERT_EQ(erasure.tasks_size(), 2);
  EXPECT_EQ(erasure.tasks(0).model_name(), "m");
  EXPECT_EQ(erasure.tasks(1).model_name(), "n");
  EXPECT_EQ(erasure.tasks(1).samples_erased(), 2);
  EXPECT_EQ(erasure.samples_erased(), 4);
  for (const auto& model : {m, n}) {
    EXPECT_FALSE(AnyoneKnows(*model, 1));
    EXPECT_FALSE(HasKey(*model, 1));
    ASSERT_TRUE(WaitUntilIdle(*engine_, *model));
    EXPECT_FALSE(AnyoneKnows(*model, 1));
  }
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(ForgetTest, OneThatIsLimitedToAModelLeavesTheOthers) {
  const auto m = CreateModel("m", SmallSpec(1, 1)), n = CreateModel("n", SmallSpec(1, 1));
  for (const auto& model : {m, n}) {
    IngestSubjects(*model, 1, 3);
    TrainAll(*model);
  }
  ForgetRequest request = RequestFor(1);
  request.models = {"m"};
  const auto result = Try(request);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->erasure.tasks_size(), 1);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *m));
  EXPECT_FALSE(AnyoneKnows(*m, 1));
  EXPECT_TRUE(AnyoneKnows(*n, 1));
  EXPECT_TRUE(HasKey(*n, 1));
  EXPECT_TRUE(Suppressed(*m, 1));
  EXPECT_FALSE(Suppressed(*n, 1));
  EXPECT_EQ(Ingest(*n, {{1, 5}}).ingested, 1);
}

TEST_F(ForgetTest, DestroysTheKeysOfTheSubjectAndOfEveryCheckpointThatKnewIt) {
  const auto model = CreateModel("m", SmallSpec(1, 4));
  const int early = SubjectIn(*model, 0, 0), late = SubjectIn(*model, 0, 2), last = SubjectIn(*model, 0, 3);
  for (const int subject : {early, late, last}) IngestSubjects(*model, subject, 1);
  IngestSubjects(*model, 1, 3);
  TrainAll(*model);
  const std::vector<CheckpointKeyId> keys = CheckpointKeys({model->uid(), 0}, 4);
  trainer_.SetHold(Hold::kObedient);
  Forget(late);
  EXPECT_FALSE(HasKey(*model, late));
  EXPECT_TRUE(HasKey(*model, early));
  EXPECT_TRUE(HasKey(*model, last));
  EXPECT_THAT(Exist({model->uid(), 0}, keys), ElementsAre(true, true, false, false));
  trainer_.SetHold(Hold::kNone);
}

TEST_F(ForgetTest, FirstSliceIsTheEarliestThatWasTrainedOnASampleOfTheSubject) {
  const auto model = CreateModel("m", SmallSpec(1, 4));
  IngestSubjects(*model, 100, 4);
  Ingest(*model, {{1, 0, ErasureLikelihood::kLow}, {1, 1, ErasureLikelihood::kHigh}});
  const records::Subject row = *RowOf(*model, 1);
  const uint32_t first = std::min(row.samples(0).slice(), row.samples(1).slice());
  TrainAll(*model);
  EXPECT_EQ(Forget(1).tasks(0).first_slice(), first);

  // A sample that waits for the next TrainModel was in no checkpoint.
  Ingest(*model, {{2, 0, ErasureLikelihood::kHigh}});
  TrainAll(*model);
  const uint32_t trained = RowOf(*model, 2)->samples(0).slice();
  Ingest(*model, {{2, 1, ErasureLikelihood::kLow}});
  const records::Erasure erasure = Forget(2);
  EXPECT_EQ(erasure.tasks(0).first_slice(), trained);
  EXPECT_EQ(erasure.samples_erased(), 2);
}

}  // namespace
}  // namespace expunge
