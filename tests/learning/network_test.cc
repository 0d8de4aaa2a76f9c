#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <variant>

#include "learning/torch_trainer.h"
#include "tests/learning/fixtures.h"

namespace expunge {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

class NetworkTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Network> InitialNetwork(const ModelSpec& spec) {
    return trainer_->BuildNetwork(spec, Initialized(*trainer_, spec).parameters).value();
  }

  const std::unique_ptr<Trainer> trainer_ = CreateTorchTrainer();
};

TEST_F(NetworkTest, ProbabilitiesOfEachSampleSumToOne) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const SampleBlock block = RandomBlock(spec, 9);
    const std::vector<float> probabilities = ProbabilitiesOf(*InitialNetwork(spec), spec, block.inputs);
    ASSERT_EQ(probabilities.size(), 9u * 3u);
    for (size_t i = 0; i < 9; ++i) {
      EXPECT_NEAR(std::accumulate(&probabilities[i * 3], &probabilities[i * 3 + 3], 0.0f), 1.0f, 1e-5f);
    }
  }
}

// A step of plain SGD on one sample moves the last layer's bias by the learning rate times (probability - one-hot
// label): so the step tells the probabilities that training computed.
TEST_F(NetworkTest, InferenceComputesWhatTrainingComputed) {
  for (ModelSpec spec : VariousSpecs()) {
    spec.training.optimizer = Sgd{.learning_rate = 1.0, .momentum = 0.0};
    const SampleBlock block = RandomBlock(spec, 1);
    const TrainingState before = Initialized(*trainer_, spec);
    TrainingState after = before;
    ASSERT_TRUE(Train(*trainer_, spec, block, {{0}}, &after).ok());
    const std::vector<float> inferred = ProbabilitiesOf(*InitialNetwork(spec), spec, block.inputs);
    for (size_t label = 0; label < 3; ++label) {
      const size_t bias = before.parameters.size() - 3 + label;
      const float target = label == block.labels[0] ? 1.0f : 0.0f;
      EXPECT_NEAR(inferred[label], before.parameters[bias] - after.parameters[bias] + target, 1e-6f);
    }
  }
}

TEST_F(NetworkTest, SampleDoesNotDependOnItsBatch) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const SampleBlock block = RandomBlock(spec, 37);
    const auto network = InitialNetwork(spec);
    const std::vector<float> together = ProbabilitiesOf(*network, spec, block.inputs);
    const size_t sample_bytes = spec.input.SampleBytes();
    for (size_t i = 0; i < 37; ++i) {
      const absl::Span<const uint8_t> sample(block.inputs.data() + i * sample_bytes, sample_bytes);
      EXPECT_THAT(ProbabilitiesOf(*network, spec, sample),
                  Pointwise(FloatNear(1e-6f), absl::MakeSpan(together).subspan(i * 3, 3)));
    }
  }
}

// Or the same question would have another answer when others ask at the same time.
TEST_F(NetworkTest, WhatElseIsInABatchDoesNotChangeABitOfADenseNetwork) {
  for (const ModelSpec& spec : VariousSpecs()) {
    if (std::holds_alternative<Cnn>(spec.architecture)) continue;
    const size_t sample_bytes = spec.input.SampleBytes();
    const SampleBlock block = RandomBlock(spec, 61);
    const auto network = InitialNetwork(spec);
    const std::vector<float> together = ProbabilitiesOf(*network, spec, block.inputs);
    for (const size_t size : {1, 2, 5, 12, 13, 60}) {
      for (size_t begin = 0; begin + size <= 61; begin += 7) {
        const absl::Span<const uint8_t> some(block.inputs.data() + begin * sample_bytes, size * sample_bytes);
        const std::vector<float> alone = ProbabilitiesOf(*network, spec, some);
        EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + begin * 3)) << size << " from " << begin;
      }
    }
  }
}

TEST_F(NetworkTest, NetworksOfOneModelAnswerTogetherAsEachDoesAlone) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const size_t sample_bytes = spec.input.SampleBytes();
    const SampleBlock block = RandomBlock(spec, 21);
    std::vector<std::shared_ptr<const Network>> networks;
    std::vector<const Network*> pointers;
    for (uint8_t seed = 1; seed <= 3; ++seed) {
      networks.push_back(trainer_->BuildNetwork(spec, Initialized(*trainer_, spec, seed).parameters).value());
      pointers.push_back(networks.back().get());
    }
    std::vector<const uint8_t*> samples;
    for (size_t i = 0; i < 21; ++i) samples.push_back(block.inputs.data() + i * sample_bytes);
    std::vector<float> all(3 * 21 * 3);
    ASSERT_TRUE(pointers[0]->ProbabilitiesOfAll(pointers, samples, sample_bytes, absl::MakeSpan(all)).ok());
    for (size_t k = 0; k < 3; ++k) {
      const std::vector<float> alone = ProbabilitiesOf(*networks[k], spec, block.inputs);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + k * alone.size())) << "network " << k;
    }
  }
}

TEST_F(NetworkTest, BatchLargerThanWhatIsTakenAtOnceIsWhole) {
  const ModelSpec spec = SpecOf(SoftmaxRegression{}, {1024});
  const size_t batch = 2500;
  const SampleBlock block = RandomBlock(spec, batch);
  const auto network = InitialNetwork(spec);
  const std::vector<float> together = ProbabilitiesOf(*network, spec, block.inputs);
  for (const size_t i : {size_t{0}, size_t{1023}, size_t{1024}, size_t{2047}, size_t{2048}, batch - 1}) {
    EXPECT_THAT(ProbabilitiesOf(*network, spec, {block.inputs.data() + i * 1024, 1024}),
                Pointwise(FloatNear(1e-6f), absl::MakeSpan(together).subspan(i * 3, 3)));
  }
}

TEST_F(NetworkTest, FloatsAreReadAtAnyAlignment) {
  ModelSpec spec = SpecOf(Mlp{.hidden_sizes = {8}}, {6});
  spec.input.dtype = DType::kFloat32;
  spec.input.mean = {0.0f};
  spec.input.stddev = {1.0f};
  const SampleBlock block = RandomBlock(spec, 5);
  const auto network = InitialNetwork(spec);
  const std::vector<float> aligned = ProbabilitiesOf(*network, spec, block.inputs);
  std::vector<uint8_t> shifted = {0};
  shifted.insert(shifted.end(), block.inputs.begin(), block.inputs.end());
  EXPECT_EQ(ProbabilitiesOf(*network, spec, absl::MakeConstSpan(shifted).subspan(1)), aligned);
}

TEST_F(NetworkTest, ThreadsShareANetwork) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const SampleBlock block = RandomBlock(spec, 33);
    const auto network = InitialNetwork(spec);
    const std::vector<float> alone = ProbabilitiesOf(*network, spec, block.inputs);
    std::vector<std::vector<float>> results(4);
    std::vector<std::thread> threads;
    for (std::vector<float>& result : results) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) result = ProbabilitiesOf(*network, spec, block.inputs);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::vector<float>& result : results) EXPECT_EQ(result, alone);
  }
}

TEST_F(NetworkTest, NetworkKeepsItsOwnParameters) {
  const ModelSpec spec = VariousSpecs()[1];
  const SampleBlock block = RandomBlock(spec, 3);
  std::vector<float> parameters = Initialized(*trainer_, spec).parameters;
  const auto network = trainer_->BuildNetwork(spec, parameters).value();
  const std::vector<float> before = ProbabilitiesOf(*network, spec, block.inputs);
  std::fill(parameters.begin(), parameters.end(), 0.0f);
  EXPECT_EQ(ProbabilitiesOf(*network, spec, block.inputs), before);
}

TEST_F(NetworkTest, EmptyBatchGivesNothing) {
  EXPECT_TRUE(InitialNetwork(VariousSpecs()[1])->Probabilities({}, 0, {}).ok());
}

TEST_F(NetworkTest, WrongSizesAreRefused) {
  const ModelSpec spec = VariousSpecs()[1];
  const SampleBlock block = RandomBlock(spec, 3);
  std::vector<float> probabilities(9);
  const auto network = InitialNetwork(spec);
  EXPECT_TRUE(absl::IsInternal(network->Probabilities(block.inputs, 2, absl::MakeSpan(probabilities).first(6))));
  EXPECT_TRUE(absl::IsInternal(network->Probabilities(block.inputs, 3, absl::MakeSpan(probabilities).first(6))));
  EXPECT_TRUE(absl::IsInternal(trainer_->BuildNetwork(spec, {1.0f, 2.0f}).status()));
}

}  // namespace
}  // namespace expunge
