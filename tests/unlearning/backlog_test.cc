// Erasures that come faster than retrains finish.

#include <atomic>
#include <thread>
#include <vector>

#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class BacklogTest : public EngineTest {
 protected:
  void OpenTrained(uint32_t shards, uint32_t slices, int subjects) {
    Open();
    model_ = CreateModel("m", SmallSpec(shards, slices));
    IngestSubjects(*model_, 1, subjects);
    TrainAll(*model_);
  }
  ForgetRequest RequestUnder(int subject, Regulation regulation) {
    ForgetRequest request = RequestFor(subject);
    request.regulation = regulation;
    return request;
  }
  int SubjectOfShard(uint32_t shard, int first) {
    while (ShardOf(*model_, first) != shard) ++first;
    return first;
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(BacklogTest, EveryIsolationHoldsWhileNoRetrainGetsThroughAndTheBacklogDrainsAfterwards) {
  constexpr int kSubjects = 240, kForgotten = 200;
  OpenTrained(/*shards=*/4, /*slices=*/3, kSubjects);
  trainer_.SetHold(Hold::kObedient);  // each waits until an erasure makes it vain
  for (int subject = 1; subject <= kForgotten; ++subject) {
    Forget(subject);
    ASSERT_FALSE(AnyoneKnows(*model_, subject)) << subject;
  }
  for (int subject = 1; subject <= kForgotten; ++subject) ASSERT_FALSE(AnyoneKnows(*model_, subject)) << subject;
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::IN_PROGRESS], kForgotten);
  const int before = trainer_.trainings();
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::COMPLETED], kForgotten);
  EXPECT_LE(trainer_.trainings() - before, 4 * 3 * 2) << "a retrain serves all that wait for its shard";
  for (int subject = 1; subject <= kForgotten; ++subject) EXPECT_FALSE(AnyoneKnows(*model_, subject));
  EXPECT_TRUE(AnyoneKnows(*model_, kSubjects));
}

TEST_F(BacklogTest, OldestDeadlinesGoFirst) {
  options_.retrain.workers = 1;
  OpenTrained(/*shards=*/3, /*slices=*/1, 60);
  trainer_.SetHold(Hold::kDeaf);
  Forget(SubjectOfShard(0, 1));
  trainer_.WaitUntilHeld();  // the only worker is busy
  const auto late = engine_->unlearner().Forget(RequestUnder(SubjectOfShard(1, 1), Regulation::kCcpa));
  clock_.Advance(absl::Hours(1));
  const auto early = engine_->unlearner().Forget(RequestUnder(SubjectOfShard(2, 1), Regulation::kGdpr));
  ASSERT_THAT(late, IsOk());
  ASSERT_THAT(early, IsOk());
  ASSERT_GT(late->erasure.due_time_micros(), early->erasure.due_time_micros());
  trainer_.SetHold(Hold::kDeaf, /*let_through=*/1);
  trainer_.WaitUntilHeld();
  EXPECT_NE(Stored(early->erasure).retrained_time_micros(), 0) << "though it came later";
  EXPECT_EQ(Stored(late->erasure).retrained_time_micros(), 0);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
}

TEST_F(BacklogTest, ErasuresInLateSlicesDoNotUndoTheTrainingOfEarlyOnes) {
  OpenTrained(/*shards=*/1, /*slices=*/4, 60);
  std::vector<int> late;
  for (int subject = 1; subject <= 60; ++subject) {
    if (RowOf(*model_, subject)->samples(0).slice() == 3) late.push_back(subject);
  }
  ASSERT_GE(late.size(), 3);
  int early = 1;
  while (RowOf(*model_, early)->samples(0).slice() != 0) ++early;
  trainer_.SetHold(Hold::kObedient, /*let_through=*/0);
  Forget(early);
  trainer_.WaitUntilHeld();  // in slice 0
  for (const int subject : late) Forget(subject);
  const int before = trainer_.trainings();
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  // What was under way in slice 0 went on; slices 1 to 3 followed.
  EXPECT_LE(trainer_.trainings() - before, 3 + 1);
}

TEST_F(BacklogTest, AStreamFromManyCallersDrainsWithRealWorkers) {
  constexpr int kSubjects = 300, kCallers = 4;
  options_.retrain.workers = 2;
  OpenTrained(/*shards=*/4, /*slices=*/2, kSubjects);
  std::atomic<int> next = 1;
  std::atomic<int> known = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      for (int subject = next++; subject <= kSubjects - 20; subject = next++) {
        Forget(subject);
        known += AnyoneKnows(*model_, subject);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(known, 0);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::COMPLETED], kSubjects - 20);
}

}  // namespace
}  // namespace expunge
