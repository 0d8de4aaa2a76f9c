#include "serving/batcher.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/simulated_clock.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using testing::ElementsAre;

// What a network computes waits here while the gate is closed, and leaves its batch sizes. Thread-safe.
class Gate {
 public:
  void Close() { Set(true); }
  void Open() { Set(false); }
  void Pass(size_t batch) {
    MutexLock lock(&mutex_);
    batches_.push_back(batch);
    changed_.SignalAll();
    while (closed_) changed_.Wait(&mutex_);
  }
  // Until so many batches have come.
  void WaitFor(size_t batches) {
    MutexLock lock(&mutex_);
    while (batches_.size() < batches) changed_.Wait(&mutex_);
  }
  std::vector<size_t> batches() {
    MutexLock lock(&mutex_);
    return batches_;
  }

 private:
  void Set(bool closed) {
    MutexLock lock(&mutex_);
    closed_ = closed;
    changed_.SignalAll();
  }

  Mutex mutex_;
  CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<size_t> batches_ ABSL_GUARDED_BY(mutex_);
};

// Says of an input of one byte that class 1 has that many hundredths.
class GatedNetwork : public Network {
 public:
  explicit GatedNetwork(Gate* gate) : gate_(gate) {}
  absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                             absl::Span<float> probabilities) const override {
    gate_->Pass(batch);
    if (inputs[0] == 255) return absl::InternalError("broken");
    for (size_t i = 0; i < batch; ++i) {
      probabilities[2 * i + 1] = static_cast<float>(inputs[i]) / 100;
      probabilities[2 * i] = 1 - probabilities[2 * i + 1];
    }
    return absl::OkStatus();
  }

 private:
  Gate* const gate_;
};

struct Model {
  explicit Model(Gate* gate) {
    spec.input = {.shape = {1}, .dtype = DType::kUint8};
    spec.labels = {"no", "yes"};
    Constituent constituent = {.shard = 0, .slices = 1, .generation = 1};
    constituent.network = std::make_shared<GatedNetwork>(gate);
    EXPECT_TRUE(ensemble.Publish(std::move(constituent)));
  }
  ModelSpec spec;
  SimulatedClock clock;
  Ensemble ensemble{1, 1, &clock};
};

class Call : public Batcher::Request {
 public:
  Call(const Model& model, std::vector<uint8_t> inputs) : Call(model, std::make_unique<std::vector<uint8_t>>(inputs)) {}

  bool IsAbandoned() const override { return abandoned; }
  void Finish(const absl::StatusOr<Batcher::Answer>& answer) override {
    MutexLock lock(&mutex_);
    EXPECT_FALSE(status_.has_value()) << "an answer comes once";
    status_ = answer.status();
    if (answer.ok()) {
      version = answer->prediction.snapshot->version;
      for (size_t i = 0; i < answer->count; ++i) {
        hundredths.push_back(static_cast<int>(answer->prediction.ProbabilitiesOf(answer->first + i)[1] * 100 + 0.5f));
      }
    }
    changed_.SignalAll();
  }

  absl::Status Wait() {
    MutexLock lock(&mutex_);
    while (!status_) changed_.Wait(&mutex_);
    return *status_;
  }
  bool finished() {
    MutexLock lock(&mutex_);
    return status_.has_value();
  }

  std::atomic<bool> abandoned = false;
  std::vector<int> hundredths;
  uint64_t version = 0;

 private:
  Call(const Model& model, std::unique_ptr<std::vector<uint8_t>> inputs)
      : Request(&model.spec, &model.ensemble, *inputs, inputs->size()), inputs_(std::move(inputs)) {}

  const std::unique_ptr<std::vector<uint8_t>> inputs_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

class BatcherTest : public testing::Test {
 protected:
  ~BatcherTest() override { gate_.Open(); }

  void Start(const Batcher::Options& options) { batcher_.emplace(options); }
  Call& Submit(std::vector<uint8_t> inputs) { return Submit(model_, std::move(inputs)); }
  Call& Submit(const Model& model, std::vector<uint8_t> inputs) {
    Call& call = *calls_.emplace_back(std::make_unique<Call>(model, std::move(inputs)));
    batcher_->Submit(&call);
    return call;
  }

  Gate gate_;
  Model model_{&gate_};
  std::vector<std::unique_ptr<Call>> calls_;
  std::optional<Batcher> batcher_;
};

TEST_F(BatcherTest, ThoseThatWaitAreComputedTogetherAndEachGetsItsOwn) {
  Start({.threads = 1, .max_batch_size = 8});
  gate_.Close();
  Call& first = Submit({1});
  gate_.WaitFor(1);
  Call& second = Submit({2, 3});
  Call& third = Submit({4});
  gate_.Open();
  ASSERT_THAT(first.Wait(), IsOk());
  ASSERT_THAT(second.Wait(), IsOk());
  ASSERT_THAT(third.Wait(), IsOk());
  EXPECT_THAT(gate_.batches(), ElementsAre(1, 3));
  EXPECT_THAT(first.hundredths, ElementsAre(1));
  EXPECT_THAT(second.hundredths, ElementsAre(2, 3));
  EXPECT_THAT(third.hundredths, ElementsAre(4));
}

TEST_F(BatcherTest, ABatchIsBoundedAndARequestIsNotCutForIt) {
  Start({.threads = 1, .max_batch_size = 4});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Submit({1, 2, 3});
  Submit({4, 5});
  Submit({6});
  gate_.Open();
  for (const auto& call : calls_) EXPECT_THAT(call->Wait(), IsOk());
  EXPECT_THAT(gate_.batches(), ElementsAre(1, 3, 3));
}

TEST_F(BatcherTest, ALargeRequestIsComputedInPartsByOneSnapshot) {
  Start({.threads = 1, .max_batch_size = 4});
  gate_.Close();
  Call& large = Submit({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  gate_.WaitFor(1);
  const uint64_t version = model_.ensemble.Current()->version;
  model_.ensemble.Withdraw(0, 0, 2);
  gate_.Open();
  ASSERT_THAT(large.Wait(), IsOk());
  EXPECT_THAT(gate_.batches(), ElementsAre(4, 4, 2));
  EXPECT_THAT(large.hundredths, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(large.version, version);
}

TEST_F(BatcherTest, TheSnapshotIsTakenAfterTheRequestCame) {
  Start({.threads = 1});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Call& waiting = Submit({2});
  model_.ensemble.Withdraw(0, 0, 2);
  gate_.Open();
  EXPECT_THAT(waiting.Wait(), Fails(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS"));
}

TEST_F(BatcherTest, AnAbandonedRequestIsNotComputed) {
  Start({.threads = 1});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Call& waiting = Submit({2});
  waiting.abandoned = true;
  Call& other = Submit({3});
  gate_.Open();
  EXPECT_TRUE(absl::IsCancelled(waiting.Wait()));
  EXPECT_THAT(other.Wait(), IsOk());
  EXPECT_THAT(gate_.batches(), ElementsAre(1, 1));
}

TEST_F(BatcherTest, ALargeRequestThatIsAbandonedIsComputedNoFurther) {
  Start({.threads = 1, .max_batch_size = 2});
  gate_.Close();
  Call& large = Submit({0, 1, 2, 3, 4, 5});
  gate_.WaitFor(1);
  large.abandoned = true;
  gate_.Open();
  EXPECT_TRUE(absl::IsCancelled(large.Wait()));
  EXPECT_THAT(gate_.batches(), ElementsAre(2));
}

TEST_F(BatcherTest, OneTooManyIsRefusedAtOnce) {
  Start({.threads = 1, .max_queue_size = 2});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Submit({2});
  Submit({3});
  Call& refused = Submit({4});
  ASSERT_TRUE(refused.finished());
  EXPECT_THAT(refused.Wait(), Fails(absl::StatusCode::kResourceExhausted, "TOO_MANY_PREDICTS"));
  EXPECT_TRUE(RetryAfterOf(refused.Wait()).has_value());
  gate_.Open();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(calls_[i]->Wait(), IsOk());
}

TEST_F(BatcherTest, ModelsTakeTurnsAndDoNotMix) {
  Model other{&gate_};
  Start({.threads = 1, .max_batch_size = 2});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  for (int i = 0; i < 4; ++i) Submit({10});
  Submit(other, {20});
  gate_.Open();
  for (const auto& call : calls_) EXPECT_THAT(call->Wait(), IsOk());
  EXPECT_THAT(gate_.batches(), ElementsAre(1, 2, 1, 2)) << "the other model does not wait for all of the first";
  batcher_.reset();  // before the other model
}

TEST_F(BatcherTest, NobodyWaitsForABatchToFillUpWhileNothingIsComputed) {
  Start({.threads = 2, .max_queue_delay = absl::InfiniteDuration()});
  EXPECT_THAT(Submit({1}).Wait(), IsOk());
}

TEST_F(BatcherTest, ABatchFillsUpWhileAnotherOneIsComputed) {
  Start({.threads = 2, .max_batch_size = 2, .max_queue_delay = absl::InfiniteDuration()});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Submit({2});
  Submit({3});
  gate_.WaitFor(2);  // full
  gate_.Open();
  for (const auto& call : calls_) EXPECT_THAT(call->Wait(), IsOk());
  EXPECT_THAT(gate_.batches(), ElementsAre(1, 2));
}

TEST_F(BatcherTest, ABatchThatDoesNotFillUpIsComputedWhenItsDelayIsOver) {
  Start({.threads = 2, .max_batch_size = 2, .max_queue_delay = absl::Milliseconds(1)});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Submit({2});
  gate_.WaitFor(2);  // beside the first, which does not end before the gate opens
}

TEST_F(BatcherTest, AnErrorIsEverybodysWhoWasInTheBatch) {
  Start({.threads = 1});
  gate_.Close();
  Submit({1});
  gate_.WaitFor(1);
  Call& bad = Submit({255});
  Call& beside = Submit({2});
  gate_.Open();
  EXPECT_EQ(bad.Wait(), absl::InternalError("broken"));
  EXPECT_EQ(beside.Wait(), absl::InternalError("broken"));
}

TEST_F(BatcherTest, ItsEndAnswersAllThatWereSubmitted) {
  Start({.threads = 2, .max_batch_size = 2, .max_queue_delay = absl::InfiniteDuration()});
  for (int i = 0; i < 100; ++i) Submit({1});
  batcher_.reset();
  for (const auto& call : calls_) EXPECT_TRUE(call->finished());
}

TEST_F(BatcherTest, ManyCallersAtOnceEachGetTheirOwn) {
  Start({.threads = 2, .max_batch_size = 16, .max_queue_size = 1 << 20});
  std::vector<std::thread> callers;
  for (uint8_t caller = 0; caller < 4; ++caller) {
    callers.emplace_back([this, caller] {
      for (int i = 0; i < 2000; ++i) {
        Call call(model_, {caller, static_cast<uint8_t>(i % 100)});
        batcher_->Submit(&call);
        ASSERT_THAT(call.Wait(), IsOk());
        ASSERT_THAT(call.hundredths, ElementsAre(caller, i % 100));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

uint64_t Observations(const Histogram& histogram) {
  uint64_t sum = 0;
  for (const uint64_t count : histogram.Take().counts) sum += count;
  return sum;
}

TEST_F(BatcherTest, CountsWhatBecameOfEachRequestAndWhatWasComputed) {
  using Failure = InferenceStatistics::Failure;
  Start({.threads = 1, .max_batch_size = 4, .max_queue_size = 3});
  gate_.Close();
  Submit({1, 2});
  gate_.WaitFor(1);
  Submit({3});
  Submit({4}).abandoned = true;
  Submit({1, 2, 3, 4, 5});
  Submit({5});  // one more than may wait
  gate_.Open();
  for (const auto& call : calls_) static_cast<void>(call->Wait());
  Submit({255}).Wait().IgnoreError();
  Model empty(&gate_);
  empty.ensemble.Withdraw(0, 0, 2);
  EXPECT_TRUE(absl::IsUnavailable(Submit(empty, {1}).Wait()));
  const InferenceStatistics& statistics = batcher_->statistics();
  EXPECT_EQ(statistics.answered(), 3);
  EXPECT_EQ(statistics.failures(Failure::kQueueFull), 1);
  EXPECT_EQ(statistics.failures(Failure::kAbandoned), 1);
  EXPECT_EQ(statistics.failures(Failure::kOther), 1);
  EXPECT_EQ(statistics.failures(Failure::kNoConstituents), 1);
  EXPECT_EQ(statistics.batches(), 1 + 1 + 2 + 1 + 1);
  EXPECT_EQ(statistics.samples(), 2 + 1 + 5 + 1 + 1);
  EXPECT_EQ(Observations(statistics.queued()), 6) << "all but the one that was refused";
  EXPECT_EQ(Observations(statistics.computing()), statistics.batches());
}

}  // namespace
}  // namespace expunge
