#ifndef EXPUNGE_TESTS_LEARNING_FIXTURES_H_
#define EXPUNGE_TESTS_LEARNING_FIXTURES_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "model/spec.h"
#include "model/trainer.h"

namespace expunge {

using Epochs = std::vector<std::vector<uint32_t>>;

inline ModelSpec SpecOf(Architecture architecture, std::vector<int64_t> shape, Optimizer optimizer = Sgd{}) {
  ModelSpec spec;
  spec.input = {.shape = std::move(shape), .dtype = DType::kUint8, .mean = {127.5f}, .stddev = {127.5f}};
  spec.labels = {"a", "b", "c"};
  spec.architecture = std::move(architecture);
  spec.training.batch_size = 8;
  spec.training.optimizer = std::move(optimizer);
  return spec;
}

// One of each architecture and optimizer, with input sizes that pooling does not divide.
inline std::vector<ModelSpec> VariousSpecs() {
  return {
      SpecOf(SoftmaxRegression{}, {7}),
      SpecOf(Mlp{.hidden_sizes = {16}}, {5, 6}, Sgd{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01}),
      SpecOf(Mlp{.hidden_sizes = {9, 5, 4}}, {11}, Adam{.learning_rate = 0.01, .weight_decay = 0.01}),
      SpecOf(Cnn{.channels = {3, 5}, .hidden_size = 8}, {28, 28}),
      SpecOf(Cnn{.channels = {2, 3}, .hidden_size = 6}, {3, 7, 10}, Adam{.learning_rate = 0.01}),
      SpecOf(Cnn{.channels = {4, 4}, .hidden_size = 5}, {4, 5}, Sgd{.learning_rate = 0.01, .momentum = 0.0}),
  };
}

// Samples from a fixed pseudo-random stream; float inputs lie in [-1, 1).
inline SampleBlock RandomBlock(const ModelSpec& spec, size_t count, uint32_t seed = 1) {
  std::mt19937 generator(seed);
  SampleBlock block;
  block.count = count;
  block.inputs.resize(count * spec.input.SampleBytes());
  if (spec.input.dtype == DType::kUint8) {
    for (uint8_t& byte : block.inputs) byte = static_cast<uint8_t>(generator());
  } else {
    for (size_t at = 0; at < block.inputs.size(); at += sizeof(float)) {
      const float value = static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f;
      std::memcpy(block.inputs.data() + at, &value, sizeof(float));
    }
  }
  for (size_t i = 0; i < count; ++i) block.labels.push_back(generator() % spec.classes());
  return block;
}

inline Epochs ShuffledEpochs(size_t samples, size_t epochs, uint32_t seed = 2) {
  std::mt19937 generator(seed);
  std::vector<uint32_t> order(samples);
  std::iota(order.begin(), order.end(), 0);
  Epochs result;
  for (size_t epoch = 0; epoch < epochs; ++epoch) {
    std::shuffle(order.begin(), order.end(), generator);
    result.push_back(order);
  }
  return result;
}

inline bool NeverStop() { return false; }

inline TrainingState Initialized(const Trainer& trainer, const ModelSpec& spec, uint8_t seed = 7) {
  Digest digest{};
  digest[0] = seed;
  return trainer.Initialize(spec, digest).value();
}

inline absl::Status Train(const Trainer& trainer, const ModelSpec& spec, const SampleBlock& block, const Epochs& epochs,
                          TrainingState* state) {
  return trainer.Train(spec, block, epochs, NeverStop, state);
}

inline std::vector<float> ProbabilitiesOf(const Network& network, const ModelSpec& spec,
                                          absl::Span<const uint8_t> inputs) {
  const size_t batch = inputs.size() / spec.input.SampleBytes();
  std::vector<float> probabilities(batch * spec.classes());
  const absl::Status status = network.Probabilities(inputs, batch, absl::MakeSpan(probabilities));
  return status.ok() ? probabilities : std::vector<float>();
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_LEARNING_FIXTURES_H_
