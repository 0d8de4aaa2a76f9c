#ifndef EXPUNGE_TESTS_MODEL_SPECS_H_
#define EXPUNGE_TESTS_MODEL_SPECS_H_

#include "model/spec.h"

namespace expunge {

// Valid declarations for tests to start from, one per architecture.

inline ModelSpec SoftmaxSpec() {
  ModelSpec spec;
  spec.input = {.shape = {4}, .dtype = DType::kFloat32};
  spec.labels = {"no", "yes"};
  return spec;
}

inline ModelSpec MlpSpec() {
  ModelSpec spec;
  spec.input = {.shape = {28, 28}, .dtype = DType::kUint8, .mean = {72.9f}, .stddev = {90.0f}};
  for (char name = 'a'; name < 'k'; ++name) spec.labels.push_back({name});
  spec.architecture = Mlp{.hidden_sizes = {128}};
  spec.training = {.epochs = 18, .batch_size = 32, .seed = 42, .optimizer = Sgd{}};
  spec.sisa = {.shards = 8, .slices = 8};
  return spec;
}

inline ModelSpec CnnSpec() {
  ModelSpec spec = MlpSpec();
  spec.input = {
      .shape = {3, 32, 32}, .dtype = DType::kUint8, .mean = {125.3f, 123.0f, 113.9f}, .stddev = {63.0f, 62.1f, 66.7f}};
  spec.architecture = Cnn{.channels = {6, 16}, .hidden_size = 120};
  spec.training.optimizer = Adam{};
  spec.sisa.aggregation = Aggregation::kMajorityVote;
  return spec;
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_MODEL_SPECS_H_
