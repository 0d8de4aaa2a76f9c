#include "unlearning/retrain_queue.h"

#include "gtest/gtest.h"

namespace expunge {
namespace {

constexpr ShardId kA = {1, 0}, kB = {1, 1}, kC = {2, 0};

absl::Time At(int seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

class RetrainQueueTest : public testing::Test {
 protected:
  void Add(ShardId shard, absl::Time deadline, absl::Time train_from = absl::InfinitePast()) {
    queue_.Add(shard, deadline, train_from);
  }
  // The shard that is taken; model 0: none.
  ShardId Take(int now = 0) {
    work_ = queue_.Take(At(now));
    return work_ ? work_->shard : ShardId{};
  }

  absl::Time NextTime() const { return At(0) + queue_.NextWait(At(0)); }

  RetrainQueue queue_;
  std::optional<RetrainQueue::Work> work_;
};

TEST_F(RetrainQueueTest, IsEmptyAtFirst) {
  EXPECT_EQ(Take(), ShardId{});
  EXPECT_EQ(queue_.depth(), 0);
  EXPECT_EQ(NextTime(), absl::InfiniteFuture());
}

TEST_F(RetrainQueueTest, AShardThatIsAddedManyTimesIsTakenOnce) {
  for (int i = 0; i < 5; ++i) Add(kA, At(100 + i));
  EXPECT_EQ(queue_.depth(), 1);
  EXPECT_EQ(Take(), kA);
  EXPECT_EQ(Take(), ShardId{});
}

TEST_F(RetrainQueueTest, TheOldestDeadlineComesFirst) {
  Add(kA, absl::InfiniteFuture());
  Add(kB, At(300));
  Add(kC, At(200));
  EXPECT_EQ(Take(), kC);
  EXPECT_EQ(Take(), kB);
  EXPECT_EQ(Take(), kA);
}

TEST_F(RetrainQueueTest, TheEarlierOfTwoDeadlinesAndTimesHolds) {
  Add(kA, At(300), At(30));
  Add(kA, At(200), At(40));
  EXPECT_EQ(Take(), kA);
  EXPECT_EQ(work_->deadline, At(200));
  EXPECT_EQ(work_->train_from, At(30));
}

TEST_F(RetrainQueueTest, OneShardIsOnOneWorker) {
  Add(kA, At(100));
  EXPECT_EQ(Take(), kA);
  const RetrainQueue::Work first = *work_;
  Add(kA, At(100));
  EXPECT_EQ(Take(), ShardId{});
  EXPECT_EQ(queue_.depth(), 1);
  queue_.Done(first);
  EXPECT_EQ(Take(), kA) << "what was added meanwhile must stay";
  queue_.Done(*work_);
  EXPECT_EQ(Take(), ShardId{});
  EXPECT_EQ(queue_.depth(), 0);
}

TEST_F(RetrainQueueTest, AnAttemptThatComesAgainWaitsForItsTime) {
  Add(kA, At(100), At(7));
  EXPECT_EQ(Take(), kA);
  ++work_->failures;
  queue_.Again(*work_, At(10));
  EXPECT_EQ(NextTime(), At(10));
  EXPECT_EQ(queue_.depth(), 1);
  EXPECT_EQ(Take(9), ShardId{});
  EXPECT_EQ(Take(10), kA);
  EXPECT_EQ(work_->failures, 1);
  EXPECT_EQ(work_->deadline, At(100));
  EXPECT_EQ(work_->train_from, At(7));
}

TEST_F(RetrainQueueTest, OneThatWaitsLetsOthersGoFirst) {
  Add(kA, At(100));
  EXPECT_EQ(Take(), kA);
  queue_.Again(*work_, At(10));
  Add(kB, At(200));
  EXPECT_EQ(Take(), kB);
}

TEST_F(RetrainQueueTest, WhatIsAddedIsLookedAtAtOnceThoughItWaited) {
  Add(kA, At(100), At(50));
  EXPECT_EQ(Take(), kA);
  queue_.Again(*work_, At(50));
  Add(kA, At(90), At(60));
  EXPECT_EQ(Take(), kA);
  EXPECT_EQ(work_->deadline, At(90));
  EXPECT_EQ(work_->train_from, At(50));
}

TEST_F(RetrainQueueTest, WhatIsAddedDuringAFailingAttemptKeepsTheCountOfFailures) {
  Add(kA, At(100));
  EXPECT_EQ(Take(), kA);
  work_->failures = 3;
  Add(kA, At(100));
  queue_.Again(*work_, At(10));
  EXPECT_EQ(Take(), kA);
  EXPECT_EQ(work_->failures, 3);
}

TEST_F(RetrainQueueTest, DropTakesAwayWhatWaitsForTheModelAlone) {
  Add(kA, At(100));
  Add(kB, At(100));
  Add(kC, At(100));
  queue_.Drop(kA.model);
  EXPECT_EQ(Take(), kC);
  EXPECT_EQ(Take(), ShardId{});
}

TEST_F(RetrainQueueTest, DropLeavesWhatIsWorkedOn) {
  Add(kA, At(100));
  EXPECT_EQ(Take(), kA);
  queue_.Drop(kA.model);
  EXPECT_EQ(queue_.depth(), 1);
  queue_.Done(*work_);
  EXPECT_EQ(queue_.depth(), 0);
}

TEST_F(RetrainQueueTest, AShardThatRestsIsNotTakenWhateverIsAdded) {
  queue_.Add(kA, At(5), absl::InfinitePast());
  RetrainQueue::Work work = *queue_.Take(At(0), At(0));
  work.rest_until = At(3);
  queue_.Again(work, At(0));
  queue_.Add(kA, At(1), absl::InfinitePast());
  EXPECT_FALSE(queue_.Take(At(0), At(2)));
  EXPECT_EQ(queue_.NextWait(At(0), At(2)), absl::Seconds(1));
  EXPECT_TRUE(queue_.Take(At(0), At(3)));
}

TEST_F(RetrainQueueTest, WhatWasSeenOfAShardStaysWhateverIsAdded) {
  Add(kA, At(5));
  RetrainQueue::Work work = *queue_.Take(At(0));
  work.patient_until = At(7);
  work.seen_change = 100;
  Add(kA, At(1));
  queue_.Again(work, At(0));
  Add(kA, At(1));
  const RetrainQueue::Work again = *queue_.Take(At(0));
  EXPECT_EQ(again.patient_until, At(7));
  EXPECT_EQ(again.seen_change, 100);
}

TEST_F(RetrainQueueTest, NextTimeIsOfTheFirstThatNobodyWorksOn) {
  Add(kA, At(100));
  Add(kB, At(200));
  EXPECT_EQ(NextTime(), absl::InfinitePast());
  EXPECT_EQ(Take(), kA);
  queue_.Again(*work_, At(20));
  EXPECT_EQ(Take(), kB);
  queue_.Again(*work_, At(10));
  EXPECT_EQ(NextTime(), At(10));
  EXPECT_EQ(Take(10), kB);
  Add(kB, At(200));  // cannot be taken while it is worked on
  EXPECT_EQ(NextTime(), At(20));
}

TEST_F(RetrainQueueTest, DepthCountsWhatWaitsAndWhatIsWorkedOn) {
  Add(kA, At(100));
  Add(kB, At(200));
  Add(kC, At(300));
  EXPECT_EQ(Take(), kA);
  Add(kA, At(100));
  EXPECT_EQ(queue_.depth(), 3);
}

}  // namespace
}  // namespace expunge
