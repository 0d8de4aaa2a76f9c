#include "serving/predictor.h"

#include <algorithm>
#include <memory>
#include <numeric>
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
using testing::FloatEq;

// Answers each input with the given probability of class 1, moved by the input's first byte in hundredths.
class FixedNetwork : public Network {
 public:
  explicit FixedNetwork(float yes) : yes_(yes) {}
  absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                             absl::Span<float> probabilities) const override {
    for (size_t i = 0; i < batch; ++i) {
      probabilities[2 * i + 1] = yes_ + static_cast<float>(inputs[2 * i]) / 100;
      probabilities[2 * i] = 1 - probabilities[2 * i + 1];
    }
    return absl::OkStatus();
  }

 private:
  const float yes_;
};

class BrokenNetwork : public Network {
 public:
  absl::Status Probabilities(absl::Span<const uint8_t>, size_t, absl::Span<float>) const override {
    return absl::InternalError("broken");
  }
};

// Is sure of the class that the input names, and remembers how many inputs it got at a time.
class NamedClassNetwork : public Network {
 public:
  NamedClassNetwork(size_t classes, std::vector<size_t>* batches) : classes_(classes), batches_(batches) {}
  absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                             absl::Span<float> probabilities) const override {
    batches_->push_back(batch);
    std::fill(probabilities.begin(), probabilities.end(), 0.0f);
    for (size_t i = 0; i < batch; ++i) {
      probabilities[i * classes_ + (size_t{inputs[2 * i]} | size_t{inputs[2 * i + 1]} << 8)] = 1.0f;
    }
    return absl::OkStatus();
  }

 private:
  const size_t classes_;
  std::vector<size_t>* const batches_;
};

class PredictorTest : public testing::Test {
 protected:
  PredictorTest() {
    spec_.input = {.shape = {2}, .dtype = DType::kUint8};
    spec_.labels = {"no", "yes"};
    spec_.sisa.shards = 3;
  }

  void Publish(std::shared_ptr<const Network> network) {
    Constituent constituent = {.shard = shards_++, .slices = 1, .generation = 1};
    constituent.network = std::move(network);
    ASSERT_TRUE(ensemble_.Publish(std::move(constituent)));
  }
  void Publish(float yes) { Publish(std::make_shared<FixedNetwork>(yes)); }

  absl::StatusOr<Prediction> Ask(const std::vector<uint8_t>& first_bytes) {
    std::vector<uint8_t> inputs;
    for (const uint8_t byte : first_bytes) inputs.insert(inputs.end(), {byte, 0});
    return AskFor(inputs);
  }

  // Inputs of two bytes each.
  absl::StatusOr<Prediction> AskFor(const std::vector<uint8_t>& inputs) {
    std::vector<const uint8_t*> samples;
    for (size_t i = 0; i < inputs.size(); i += 2) samples.push_back(inputs.data() + i);
    return Predict(spec_, ensemble_.Current(), samples);
  }

  ModelSpec spec_;
  SimulatedClock clock_;
  Ensemble ensemble_{3, 1, &clock_};
  uint32_t shards_ = 0;
};

TEST_F(PredictorTest, ABatchTooLargeForTheMemoryIsAnsweredInPieces) {
  constexpr size_t kClasses = 4096;
  constexpr size_t kBatch = 1000;
  spec_.labels.resize(kClasses);
  std::vector<size_t> batches;
  for (int i = 0; i < 3; ++i) Publish(std::make_shared<NamedClassNetwork>(kClasses, &batches));
  std::vector<uint8_t> inputs;
  const auto class_of = [](size_t i) { return i * 37 % kClasses; };
  for (size_t i = 0; i < kBatch; ++i) {
    inputs.push_back(static_cast<uint8_t>(class_of(i)));
    inputs.push_back(static_cast<uint8_t>(class_of(i) >> 8));
  }
  const auto prediction = AskFor(inputs);
  ASSERT_THAT(prediction, IsOk());
  EXPECT_GT(batches.size(), 3u);
  EXPECT_NE(batches.front(), batches.back()) << "the last piece is what remains";
  EXPECT_EQ(std::accumulate(batches.begin(), batches.end(), size_t{0}), 3 * kBatch);
  ASSERT_EQ(prediction->verdicts.size(), kBatch);
  for (size_t i = 0; i < kBatch; ++i) EXPECT_EQ(prediction->verdicts[i].label, class_of(i)) << i;
}

TEST_F(PredictorTest, AveragesTheConstituentsProbabilities) {
  Publish(0.2f);
  Publish(0.9f);
  const auto prediction = Ask({0});
  ASSERT_THAT(prediction, IsOk());
  ASSERT_EQ(prediction->verdicts.size(), 1);
  EXPECT_THAT(prediction->ProbabilitiesOf(0), ElementsAre(FloatEq(0.45f), FloatEq(0.55f)));
  EXPECT_EQ(prediction->verdicts[0].label, 1);
}

TEST_F(PredictorTest, CountsVotesWhenTheModelSaysSo) {
  spec_.sisa.aggregation = Aggregation::kMajorityVote;
  Publish(0.4f);
  Publish(0.4f);
  Publish(0.95f);
  const auto prediction = Ask({0});
  ASSERT_THAT(prediction, IsOk());
  EXPECT_EQ(prediction->verdicts[0].label, 0);
  EXPECT_THAT(prediction->ProbabilitiesOf(0)[1], FloatEq(1.75f / 3));
}

TEST_F(PredictorTest, AnswersEveryInputOfABatchInOrder) {
  Publish(0.1f);
  Publish(0.3f);
  const auto prediction = Ask({0, 50, 10});
  ASSERT_THAT(prediction, IsOk());
  std::vector<float> yes;
  std::vector<uint32_t> labels;
  for (size_t i = 0; i < 3; ++i) {
    yes.push_back(prediction->ProbabilitiesOf(i)[1]);
    labels.push_back(prediction->verdicts[i].label);
  }
  EXPECT_THAT(yes, ElementsAre(FloatEq(0.2f), FloatEq(0.7f), FloatEq(0.3f)));
  EXPECT_THAT(labels, ElementsAre(0, 1, 0));
}

TEST_F(PredictorTest, TellsWhichSnapshotAnswered) {
  Publish(0.5f);
  const auto prediction = Ask({0});
  ASSERT_THAT(prediction, IsOk());
  EXPECT_EQ(prediction->snapshot, ensemble_.Current());
}

TEST_F(PredictorTest, AModelWithoutConstituentsAsksToRetry) {
  Publish(0.5f);
  ensemble_.Withdraw(0, 0, 2);
  const auto prediction = Ask({0});
  EXPECT_THAT(prediction, Fails(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS"));
  EXPECT_EQ(RetryAfterOf(prediction.status()), absl::Seconds(1));
}

TEST_F(PredictorTest, CertifiesWhatThoseBehindCannotChange) {
  Publish(0.9f);
  Publish(0.99f);
  EXPECT_EQ(ensemble_.Current()->behind, 1u);
  const auto prediction = Ask({0});
  ASSERT_THAT(prediction, IsOk());
  EXPECT_TRUE(prediction->verdicts[0].certified) << "a lead of 1.78 over one that is behind";
  ensemble_.Withdraw(0, 0, 2);
  EXPECT_FALSE(Ask({0})->verdicts[0].certified) << "a lead of 0.98 over two";
}

TEST_F(PredictorTest, ANetworksErrorIsTheAnswer) {
  Publish(0.5f);
  Publish(std::make_shared<BrokenNetwork>());
  const auto prediction = Ask({0});
  EXPECT_EQ(prediction.status(), absl::InternalError("broken"));
}

}  // namespace
}  // namespace expunge
