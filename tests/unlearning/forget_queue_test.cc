#include "unlearning/forget_queue.h"

#include <deque>
#include <utility>
#include <vector>

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

class ForgetQueueTest : public EngineTest {
 protected:
  void SetUp() override {
    Open();
    model_ = CreateModel("m", SmallSpec(2, 2));
    IngestSubjects(*model_, 1, 8);
    queue_.emplace(&engine_->unlearner(), &executor_);
  }

  void Submit(ForgetRequest request) {
    queue_->Submit(std::move(request),
                   [this](absl::StatusOr<ForgetResult> result) { answers_.push_back(std::move(result)); });
  }

  std::shared_ptr<ModelEntry> model_;
  SteppedExecutor executor_;
  std::optional<ForgetQueue> queue_;
  std::vector<absl::StatusOr<ForgetResult>> answers_;
};

TEST_F(ForgetQueueTest, ThoseThatWaitAreCarriedOutTogetherAndAnsweredInTurn) {
  for (int subject = 1; subject <= 5; ++subject) Submit(RequestFor(subject));
  EXPECT_EQ(executor_.scheduled(), 1);
  EXPECT_EQ(answers_.size(), 0);
  executor_.RunOne();
  ASSERT_EQ(answers_.size(), 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answers_[i]->erasure.sequence(), i + 1);
  EXPECT_EQ(executor_.scheduled(), 0);
  Submit(RequestFor(6));
  EXPECT_EQ(executor_.scheduled(), 1);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 6);
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

TEST_F(ForgetQueueTest, ABatchIsBounded) {
  for (int i = 0; i < 200; ++i) Submit(RequestFor(1000 + i));
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 128);
  executor_.RunOne();
  EXPECT_EQ(answers_.size(), 200);
  EXPECT_EQ(executor_.scheduled(), 0);
}

}  // namespace
}  // namespace expunge
