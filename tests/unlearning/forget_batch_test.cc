// Forgets that share one write: each is answered as if it were alone, and what a failed one leaves is made good.

#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "base/crash_point.h"
#include "rocksdb/env.h"
#include "tests/testing/engine_fixture.h"
#include "tests/testing/faulty_file_system.h"

namespace expunge {
namespace {

class ForgetBatchTest : public EngineTest {
 protected:
  void TearDown() override { Close(); }  // before its files

  void OpenTrained(int subjects, const ModelSpec& spec = SmallSpec(2, 2)) {
    Open();
    model_ = CreateModel("m", spec);
    IngestSubjects(*model_, 1, subjects);
    TrainAll(*model_);
  }

  ForgetRequest RequestForSample(int subject, int number) {
    ForgetRequest request = RequestFor(subject);
    request.sample_ids = {"sample " + std::to_string(number)};
    return request;
  }

  uint64_t Count(records::Erasure::State state) { return engine_->ledger().CountsByState()[state]; }

  const std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  std::shared_ptr<ModelEntry> model_;
};

TEST_F(ForgetBatchTest, EachIsAnsweredAsIfItWereAlone) {
  OpenTrained(12);
  std::vector<ForgetRequest> requests;
  for (int subject = 1; subject <= 8; ++subject) requests.push_back(RequestFor(subject));
  requests.push_back(requests[2]);    // 8: the same again
  requests.push_back(RequestFor(3));  // 9: of the same subject
  requests.push_back(requests[0]);    // 10: the same id for somebody else
  requests.back().subject_id = SubjectName(9);
  requests.push_back(RequestFor(10));  // 11: in a model that is none
  requests.back().models = {"nothing"};
  requests.push_back(RequestFor(999));  // 12: whom nobody knows
  requests.push_back(RequestFor(11));   // 13: a question
  requests.back().validate_only = true;
  requests.push_back(RequestForSample(12, 0));  // 14: who keeps a sample

  const auto results = engine_->unlearner().ForgetAll(requests);
  ASSERT_EQ(results.size(), requests.size());
  for (int subject = 1; subject <= 8; ++subject) {
    ASSERT_THAT(results[subject - 1], IsOk());
    EXPECT_EQ(results[subject - 1]->erasure.samples_erased(), 2);
    EXPECT_FALSE(AnyoneKnows(*model_, subject));
  }
  EXPECT_EQ(results[8]->erasure.SerializeAsString(), results[2]->erasure.SerializeAsString());
  EXPECT_EQ(results[8]->subject_nonce, results[2]->subject_nonce);
  EXPECT_EQ(results[9]->erasure.samples_erased(), 0);
  EXPECT_NE(results[9]->erasure.uuid(), results[2]->erasure.uuid());
  EXPECT_THAT(results[10], Fails(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED"));
  EXPECT_THAT(results[11], Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_EQ(results[12]->erasure.state(), records::Erasure::COMPLETED);
  EXPECT_EQ(results[13]->erasure.state(), records::Erasure::PENDING);
  EXPECT_EQ(results[14]->erasure.samples_erased(), 1);

  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 11);
  EXPECT_EQ(Count(records::Erasure::IN_PROGRESS), 0);
  for (int subject = 1; subject <= 12; ++subject) EXPECT_EQ(AnyoneKnows(*model_, subject), subject > 8) << subject;
  EXPECT_EQ(engine_->ledger().isolated_through(), 11);
  EXPECT_EQ(RowOf(*model_, 12)->samples_size(), 1);
}

// Between the withdrawal and the write the checkpoints are still whole: nobody may let them vote again.
TEST_F(ForgetBatchTest, NothingIsPublishedBetweenTheWithdrawalAndTheRecord) {
  static int reconciled = 0;
  options_.retrain.workers = 0;
  Open();
  model_ = CreateModel("m", SmallSpec(1, 2));
  IngestSubjects(*model_, 1, 4);
  StripedLocks locks(16);
  TrainingLog training_log(&engine_->keyring(), &clock_);
  Reconciler reconciler(&engine_->store(), &engine_->keyring(), &engine_->rekeyer(), &trainer_, &engine_->ledger(),
                        &training_log, &locks, &clock_);
  const auto reconcile = [&] { return reconciler.Reconcile(*model_, 0, /*train=*/true, [] { return false; }); };
  ASSERT_THAT(engine_->unlearner().Train(*model_), IsOk());
  ASSERT_EQ(*reconcile(), Reconciler::Outcome::kUpToDate);
  ASSERT_TRUE(AnyoneKnows(*model_, 1));

  static std::function<void()> between;
  between = [&] {
    ++reconciled;
    EXPECT_EQ(*reconcile(), Reconciler::Outcome::kMoved);
    EXPECT_FALSE(AnyoneKnows(*model_, 1));
  };
  const auto reset = absl::MakeCleanup([] {
    crash_hook = nullptr;
    between = nullptr;
  });
  crash_hook = [](std::string_view point) {
    if (point == "forget_withdrawn") between();
  };
  Forget(1);
  crash_hook = nullptr;
  EXPECT_EQ(reconciled, 1);
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  ASSERT_EQ(*reconcile(), Reconciler::Outcome::kUpToDate);
  EXPECT_TRUE(AnyoneKnows(*model_, 2));
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
}

TEST_F(ForgetBatchTest, WhenTheWriteFailsNoneIsAcknowledgedAndTheConstituentsVoteAgain) {
  options_.env = env_.get();
  OpenTrained(6, SmallSpec(1, 2));
  const auto vote = VoteOf(*model_, 0);
  std::vector<ForgetRequest> requests = {RequestFor(1), RequestFor(2)};
  files_->FailAfter(0, FaultyFileSystem::Fault::kIoError);
  for (const auto& result : engine_->unlearner().ForgetAll(requests)) {
    EXPECT_THAT(result, Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
  }
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return VoteOf(*model_, 0).has_value(); }));
  EXPECT_EQ(VoteOf(*model_, 0)->parameters_digest, vote->parameters_digest);
  EXPECT_EQ(Count(records::Erasure::IN_PROGRESS), 0);
  const auto snapshot = model_->ensemble().Current();
  EXPECT_FALSE(engine_->unlearner().Forget(requests[0]).ok());
  EXPECT_EQ(model_->ensemble().Current(), snapshot) << "a keyring that takes no write is no reason to stop a vote";

  files_->Heal();
  Reopen();
  model_ = FindModel("m");
  for (const auto& result : engine_->unlearner().ForgetAll(requests)) EXPECT_THAT(result, IsOk());
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  EXPECT_FALSE(AnyoneKnows(*model_, 2));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 2);
}

}  // namespace
}  // namespace expunge
