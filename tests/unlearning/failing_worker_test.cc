// Training that fails again and again: the erasure stays open and says why, is given up after some attempts, is never
// served dirty, and goes on when it is retried.

#include <new>
#include <ostream>
#include <stdexcept>
#include <string>

#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::HasSubstr;

// Throws, as a library below a trainer may.
class ThrowingTrainer : public ControlledTrainer {
 public:
  using ControlledTrainer::ControlledTrainer;

  enum class Throw { kNothing, kError, kBadAlloc };
  friend void PrintTo(Throw what, std::ostream* out) { *out << (what == Throw::kError ? "error" : "bad_alloc"); }
  std::atomic<Throw> what = Throw::kNothing;

  absl::Status Train(const ModelSpec& spec, const SampleBlock& block, absl::Span<const std::vector<uint32_t>> epochs,
                     const std::function<bool()>& stop, TrainingState* state) const override {
    if (what == Throw::kError) throw std::runtime_error("a library is unwell");
    if (what == Throw::kBadAlloc) throw std::bad_alloc();
    return ControlledTrainer::Train(spec, block, epochs, stop, state);
  }
};

class FailingWorkerTest : public EngineTest {
 protected:
  void OpenTrained(int max_attempts) {
    options_.retrain.max_attempts = max_attempts;
    Open();
    model_ = CreateModel("m", SmallSpec(2, 2));
    IngestSubjects(*model_, 1, 16);
    TrainAll(*model_);
  }

  bool WaitForState(const records::Erasure& erasure, records::Erasure::State state) {
    return WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == state; });
  }
  std::string ProblemOf(int subject) { return model_->Status(ShardOf(*model_, subject)).problem; }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(FailingWorkerTest, TheErasureStaysOpenAndShowsWhy) {
  OpenTrained(/*max_attempts=*/5);
  trainer_.FailWith(absl::InternalError("the loss is not finite"));
  const records::Erasure erasure = Forget(1);
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return !ProblemOf(1).empty(); }));
  EXPECT_THAT(ProblemOf(1), HasSubstr("the loss is not finite"));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  trainer_.FailWith(absl::OkStatus());
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return ProblemOf(1).empty(); }));
}

TEST_F(FailingWorkerTest, ErasuresThatComeDuringTheBackoffDoNotHurryIt) {
  OpenTrained(/*max_attempts=*/5);
  trainer_.FailWith(absl::InternalError("no luck"));
  const uint32_t shard = ShardOf(*model_, 1);
  Forget(1);
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return !ProblemOf(1).empty(); }));
  const int before = trainer_.trainings();
  std::vector<records::Erasure> more;
  for (int subject = 2; subject <= 16; ++subject) {
    if (ShardOf(*model_, subject) == shard) more.push_back(Forget(subject));
  }
  ASSERT_GT(more.size(), 2);
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(more.back()).purged_time_micros() != 0; }));
  EXPECT_EQ(trainer_.trainings(), before);
}

TEST_F(FailingWorkerTest, AfterTheLastAttemptItIsFailedAndARetryCarriesItOut) {
  OpenTrained(/*max_attempts=*/1);
  trainer_.FailWith(absl::InternalError("the loss is not finite"));
  const records::Erasure erasure = Forget(1);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::FAILED));
  EXPECT_THAT(Stored(erasure).failure(), HasSubstr("the loss is not finite"));
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::FAILED], 1);
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::IN_PROGRESS], 0);
  ASSERT_TRUE(WaitUntil(*engine_, *model_,
                        [&] { return model_->Status(ShardOf(*model_, 1)).phase == ShardStatus::Phase::kFailed; }));
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).purged_time_micros() != 0; }))
      << "the keys go all the same";
  const int attempts = trainer_.trainings();

  trainer_.FailWith(absl::OkStatus());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::FAILED) << "nobody asked";
  EXPECT_EQ(trainer_.trainings(), attempts);
  const auto retried = engine_->unlearner().Retry(erasure.uuid());
  ASSERT_THAT(retried, IsOk());
  EXPECT_EQ(retried->failure(), "");
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::FAILED], 0);
}

TEST_F(FailingWorkerTest, ItStaysFailedOverARestartUntilItsShardIsTrained) {
  OpenTrained(/*max_attempts=*/1);
  trainer_.FailWith(absl::InternalError("no luck"));
  const records::Erasure erasure = Forget(1);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::FAILED));
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).purged_time_micros() != 0; }));
  Close();
  OpenWithoutRecovery();
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::FAILED);
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::FAILED], 1);
  model_ = FindModel("m");
  trainer_.FailWith(absl::OkStatus());
  ASSERT_THAT(engine_->Recover(), IsOk());
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED)) << "a start trains what is dirty";
}

TEST_F(FailingWorkerTest, ANewErasureInTheShardBeginsAnewAndCarriesOutTheFailedOnes) {
  OpenTrained(/*max_attempts=*/1);
  trainer_.FailWith(absl::InternalError("no luck"));
  const records::Erasure erasure = Forget(1);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::FAILED));
  trainer_.FailWith(absl::OkStatus());
  int other = 2;
  while (ShardOf(*model_, other) != ShardOf(*model_, 1)) ++other;
  Forget(other);
  EXPECT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
}

TEST_F(FailingWorkerTest, ARetryOfOneThatDidNotFailChangesNothing) {
  OpenTrained(/*max_attempts=*/1);
  const records::Erasure erasure = Forget(1);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  const int before = trainer_.trainings();
  EXPECT_EQ(engine_->unlearner().Retry(erasure.uuid())->SerializeAsString(), Stored(erasure).SerializeAsString());
  EXPECT_EQ(trainer_.trainings(), before);
  EXPECT_THAT(engine_->unlearner().Retry(std::string(16, 'x')),
              Fails(absl::StatusCode::kNotFound, "ERASURE_NOT_FOUND"));
}

class ThrowingWorkerTest : public FailingWorkerTest, public testing::WithParamInterface<ThrowingTrainer::Throw> {};

TEST_P(ThrowingWorkerTest, IsAFailedAttempt) {
  ThrowingTrainer thrower(&taints_);
  options_.retrain.max_attempts = 1;
  auto engine = Engine::Open(options_, &thrower, engine_clock_);
  ASSERT_THAT(engine, IsOk());
  engine_ = *std::move(engine);
  ASSERT_THAT(engine_->Recover(), IsOk());
  model_ = CreateModel("m", SmallSpec(1, 1));
  IngestSubjects(*model_, 1, 4);
  TrainAll(*model_);
  thrower.what = GetParam();
  const records::Erasure erasure = Forget(1);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::FAILED));
  EXPECT_THAT(Stored(erasure).failure(),
              HasSubstr(GetParam() == ThrowingTrainer::Throw::kError ? "a library is unwell" : "ran out of memory"));
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  thrower.what = ThrowingTrainer::Throw::kNothing;
  ASSERT_THAT(engine_->unlearner().Retry(erasure.uuid()), IsOk());
  EXPECT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  engine_.reset();  // before its trainer
}

INSTANTIATE_TEST_SUITE_P(Throws, ThrowingWorkerTest,
                         testing::Values(ThrowingTrainer::Throw::kError, ThrowingTrainer::Throw::kBadAlloc));

}  // namespace
}  // namespace expunge
