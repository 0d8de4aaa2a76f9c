#include "unlearning/forget_queue.h"

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

// Runs its tasks when told to, one by one.
class SteppedExecutor : public Executor {
 public:
  void Schedule(absl::AnyInvocable<void()> task) override { tasks_.push_back(std::move(task)); }
  size_t scheduled() const { return tasks_.size(); }
  void RunOne() {
    absl::AnyInvocable<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
  }

 private:
  std::deque<absl::AnyInvocable<void()>> tasks_;
};

// Interrupts who asks for the time, once and on the thread alone that arranged it: a Forget asks while it is carried
// out.
class InterruptingClock : public Clock {
 public:
  absl::Time Now() const override {
    if (interruption) std::exchange(interruption, nullptr)();
    return absl::FromUnixSeconds(1'700'000'000);
  }
  static inline thread_local std::function<void()> interruption;
};

class ForgetQueueTest : public EngineTest {
 protected:
  void SetUp() override {
    engine_clock_ = &interrupting_clock_;
    Open();
    model_ = CreateModel("m", SmallSpec(2, 2));
    IngestSubjects(*model_, 1, 8);
    queue_.emplace(&engine_->unlearner(), &executor_);
  }

  void Submit(ForgetRequest request) {
    queue_->Submit(std::move(request),
                   [this](absl::StatusOr<ForgetResult> result) { answers_.push_back(std::move(result)); });
  }

  void TearDown() override { Close(); }  // before the clock

  InterruptingClock interrupting_clock_;
  std::shared_ptr<ModelEntry> model_;
  SteppedExecutor executor_;
  std::optional<ForgetQueue> queue_;
  std::vector<absl::StatusOr<ForgetResult>> answers_;
};

TEST_F(ForgetQueueTest, OneThatFindsNothingBeingWrittenBeginsAtOnce) {
  Submit(RequestFor(1));
  EXPECT_EQ(executor_.scheduled(), 1);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 1);
  EXPECT_EQ(executor_.scheduled(), 0);
}

TEST_F(ForgetQueueTest, ThoseThatWaitAreCarriedOutTogetherAndAnsweredInTurn) {
  for (int subject = 1; subject <= 5; ++subject) Submit(RequestFor(subject));
  EXPECT_EQ(executor_.scheduled(), 1);
  EXPECT_EQ(answers_.size(), 0);
  executor_.RunOne();
  ASSERT_EQ(answers_.size(), 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answers_[i]->erasure.sequence(), i + 1);
  EXPECT_EQ(executor_.scheduled(), 0);
}

TEST_F(ForgetQueueTest, ManyAreCarriedOutInHalves) {
  for (int subject = 1; subject <= 20; ++subject) Submit(RequestFor(subject));
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 10);
  EXPECT_EQ(executor_.scheduled(), 1);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 18);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 20);
  EXPECT_EQ(executor_.scheduled(), 0);
}

TEST_F(ForgetQueueTest, BesideThoseBeingWrittenTheNextBeginWhenAsManyWait) {
  for (int subject = 1; subject <= 3; ++subject) Submit(RequestFor(subject));
  std::vector<size_t> scheduled;
  InterruptingClock::interruption = [&] {
    for (int subject = 4; subject <= 7; ++subject) {
      Submit(RequestFor(subject));
      scheduled.push_back(executor_.scheduled());
    }
  };
  executor_.RunOne();
  EXPECT_THAT(scheduled, testing::ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(answers_.size(), 3);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 7);
  EXPECT_EQ(executor_.scheduled(), 0);
}

TEST_F(ForgetQueueTest, TooFewToBeginBesideOthersBeginAfterThem) {
  Submit(RequestFor(1));
  Submit(RequestFor(2));
  InterruptingClock::interruption = [&] {
    Submit(RequestFor(3));
    EXPECT_EQ(executor_.scheduled(), 0);
  };
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 2);
  EXPECT_EQ(executor_.scheduled(), 1);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 3);
}

TEST_F(ForgetQueueTest, OneOfSamplesKeepsNobodyWaiting) {
  Submit(RequestFor(1));
  Submit(RequestFor(2));
  Submit(RequestFor(3));
  ForgetRequest of_samples = RequestFor(4);
  of_samples.sample_ids = {"sample 0"};
  Submit(of_samples);
  Submit(RequestFor(5));
  for (const size_t answered : {3, 4, 5}) {
    EXPECT_EQ(executor_.scheduled(), 1);
    executor_.RunOne();
    EXPECT_EQ(answers_.size(), answered);
  }
  EXPECT_EQ(executor_.scheduled(), 0);
  EXPECT_EQ(answers_[3]->erasure.samples_erased(), 1);
}

TEST_F(ForgetQueueTest, BesideOneOfSamplesTheNextBeginAtOnce) {
  ForgetRequest of_samples = RequestFor(1);
  of_samples.sample_ids = {"sample 0"};
  Submit(of_samples);
  InterruptingClock::interruption = [&] {
    Submit(RequestFor(2));
    EXPECT_EQ(executor_.scheduled(), 1);
  };
  executor_.RunOne();
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 2);
}

TEST_F(ForgetQueueTest, ABatchIsBounded) {
  for (int i = 0; i < 300; ++i) Submit(RequestFor(1000 + i));
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 128);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 128 + 86);
}

}  // namespace
}  // namespace expunge
