// Promise 2 under load: no Predict that starts after a Forget's reply is answered by a constituent that knew the
// subject.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "serving/predictor.h"
#include "tests/testing/hash_trainer.h"
#include "tests/testing/tainting_trainer.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/waiting.h"

namespace expunge {
namespace {

constexpr uint32_t kSubjects = 240;
constexpr int kPredictors = 4;
constexpr int kForgetters = 3;

ModelSpec Spec() {
  ModelSpec spec;
  spec.input = {.shape = {4}, .dtype = DType::kUint8};
  spec.labels = {"a", "b"};
  spec.architecture = SoftmaxRegression{};
  spec.training = {.epochs = 4, .batch_size = 4};
  spec.sisa = {.shards = 4, .slices = 4};
  return spec;
}

std::string Name(uint32_t subject) { return "subject " + std::to_string(subject); }

class IsolationTest : public testing::Test {
 protected:
  IsolationTest()
      : trainer_(
            &hash_, [](const uint8_t* input) -> uint32_t { return input[0] | input[1] << 8; }, dir_ / "taints"),
        forgotten_(std::make_unique<std::atomic<bool>[]>(kSubjects)) {}

  void SetUp() override {
    auto engine = Engine::Open({.data_dir = dir_.path(), .retrain = {.workers = 2}, .reserved_free_bytes = 0},
                               &trainer_, &SystemClock());
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    ASSERT_TRUE(engine_->Recover().ok());
    auto model = engine_->catalog().Create("m", Spec());
    ASSERT_TRUE(model.ok());
    model_ = *model;
    for (uint32_t subject = 0; subject < kSubjects; ++subject) {
      const std::string name = Name(subject);
      const std::string input = {static_cast<char>(subject), static_cast<char>(subject >> 8), 1, 2};
      const NewSample sample = {name, "sample", subject % 2, ErasureLikelihood::kUnspecified, input};
      ASSERT_TRUE(engine_->ingestor().Ingest(*model_, {sample}, false).ok());
    }
    ASSERT_TRUE(engine_->unlearner().Train(*model_).ok());
    ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  }

  void Forget(uint32_t subject) {
    ForgetRequest request;
    request.request_id = {static_cast<uint8_t>(subject), static_cast<uint8_t>(subject >> 8), 7};
    request.subject_id = Name(subject);
    const auto forgotten = engine_->unlearner().Forget(request);
    ASSERT_TRUE(forgotten.ok()) << forgotten.status();
    EXPECT_EQ(forgotten->erasure.samples_erased(), 1u);
    forgotten_[subject].store(true, std::memory_order_release);  // the reply is there
  }

  // One Predict; whoever was forgotten before it started must be unknown to every constituent that answered.
  void PredictAndCheck() {
    std::set<uint32_t> before;
    for (uint32_t subject = 0; subject < kSubjects; ++subject) {
      if (forgotten_[subject].load(std::memory_order_acquire)) before.insert(subject);
    }
    const std::vector<uint8_t> input(4);
    const auto prediction = Predict(model_->spec(), model_->ensemble().Current(), {input.data()});
    ++predictions_;
    if (!prediction.ok()) {  // every constituent withdrawn at once
      EXPECT_TRUE(absl::IsUnavailable(prediction.status())) << prediction.status();
      return;
    }
    for (const Constituent& constituent : prediction->snapshot->constituents) {
      for (const uint32_t owner : trainer_.KnownBy(constituent.parameters_digest)) {
        if (before.contains(owner)) ++violations_;
      }
      ++answers_;
    }
  }

  const TempDir dir_;
  HashTrainer hash_{200};
  TaintingTrainer trainer_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<ModelEntry> model_;
  std::unique_ptr<std::atomic<bool>[]> forgotten_;
  std::atomic<uint64_t> predictions_ = 0;
  std::atomic<uint64_t> answers_ = 0;  // by one constituent
  std::atomic<uint64_t> violations_ = 0;
};

TEST_F(IsolationTest, NoPredictThatStartsAfterTheReplyIsAnsweredByWhatKnewTheSubject) {
  std::atomic<bool> done = false;
  std::vector<std::thread> predictors;
  for (int i = 0; i < kPredictors; ++i) {
    predictors.emplace_back([&] {
      while (!done) PredictAndCheck();
    });
  }
  std::atomic<uint32_t> next = 0;
  std::vector<std::thread> forgetters;
  for (int i = 0; i < kForgetters; ++i) {
    forgetters.emplace_back([&] {
      for (uint32_t subject = next++; subject < kSubjects - 40; subject = next++) Forget(subject);
    });
  }
  for (std::thread& forgetter : forgetters) forgetter.join();
  EXPECT_TRUE(WaitUntilIdle(*engine_, *model_));
  done = true;
  for (std::thread& predictor : predictors) predictor.join();

  EXPECT_EQ(violations_, 0u);
  EXPECT_GT(predictions_, 0u);
  EXPECT_GT(answers_, 0u);
  RecordProperty("predictions", std::to_string(predictions_));
  // The check can see: the constituents that vote now know those who stayed, and only them.
  std::set<uint32_t> known;
  for (const Constituent& constituent : model_->ensemble().Current()->constituents) {
    known.merge(trainer_.KnownBy(constituent.parameters_digest));
  }
  EXPECT_EQ(known.size(), 40u);
}

}  // namespace
}  // namespace expunge
