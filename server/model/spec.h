#ifndef EXPUNGE_MODEL_SPEC_H_
#define EXPUNGE_MODEL_SPEC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"

namespace expunge {

// What a model's owner declares when creating it. Immutable afterwards. Nothing in it may be computed from
// samples: a constant fitted on everybody's data would carry every subject into every shard.

enum class DType { kUint8 = 1, kFloat32 = 2 };
size_t SizeOf(DType dtype);

struct InputSpec {
  std::vector<int64_t> shape;  // of one sample, without the batch dimension; a CNN takes {H, W} or {C, H, W}
  DType dtype = DType::kUint8;
  // x -> (x - mean) / stddev, declared constants. One value for all, or one per index of the first dimension.
  std::vector<float> mean = {0.0f};
  std::vector<float> stddev = {1.0f};

  int64_t Elements() const;    // of one sample
  size_t SampleBytes() const;  // of one sample in its source dtype
  bool operator==(const InputSpec&) const = default;
};

struct SoftmaxRegression {
  bool operator==(const SoftmaxRegression&) const = default;
};
// Fully connected layers with ReLU between them.
struct Mlp {
  std::vector<int64_t> hidden_sizes;
  bool operator==(const Mlp&) const = default;
};
// LeNet-like: two times (5x5 convolution with padding 2, ReLU, 2x2 max pooling), one hidden layer, output.
struct Cnn {
  std::vector<int64_t> channels = {8, 16};  // exactly two
  int64_t hidden_size = 64;
  bool operator==(const Cnn&) const = default;
};
using Architecture = std::variant<SoftmaxRegression, Mlp, Cnn>;

// torch.optim.SGD's definition: g += weight_decay * p; b = momentum * b + g; p -= learning_rate * b.
struct Sgd {
  double learning_rate = 0.05;
  double momentum = 0.9;
  double weight_decay = 0.0;
  bool operator==(const Sgd&) const = default;
};
// Kingma & Ba 2015 with bias correction; weight decay is added to the gradient.
struct Adam {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool operator==(const Adam&) const = default;
};
using Optimizer = std::variant<Sgd, Adam>;

struct TrainingSpec {
  uint32_t epochs = 18;  // what plain training of the shard would take; see sisa/schedule.h
  uint32_t batch_size = 32;
  uint64_t seed = 0;
  Optimizer optimizer = Sgd{};
  bool operator==(const TrainingSpec&) const = default;
};

enum class Aggregation { kMeanProbability = 1, kMajorityVote = 2 };

struct SisaSpec {
  uint32_t shards = 1;
  uint32_t slices = 1;
  Aggregation aggregation = Aggregation::kMeanProbability;
  bool operator==(const SisaSpec&) const = default;
};

struct ModelSpec {
  InputSpec input;
  std::vector<std::string> labels;  // one name per class, in the order of the class indices
  Architecture architecture;
  TrainingSpec training;
  SisaSpec sisa;

  uint32_t classes() const { return static_cast<uint32_t>(labels.size()); }
  bool operator==(const ModelSpec&) const = default;
};

// Bounds that ValidateSpec enforces.
inline constexpr uint32_t kMaxShards = 1024;
inline constexpr uint32_t kMaxSlices = 256;
inline constexpr uint32_t kMaxEpochs = 10'000;
inline constexpr uint32_t kMaxBatchSize = 65'536;
inline constexpr size_t kMaxClasses = 10'000;
inline constexpr size_t kMaxLabelBytes = 256;
inline constexpr size_t kMaxDimensions = 8;
inline constexpr int64_t kMaxInputElements = 1 << 22;
inline constexpr size_t kMaxHiddenLayers = 16;
inline constexpr int64_t kMaxLayerSize = 65'536;
inline constexpr int64_t kMaxParameters = int64_t{1} << 27;  // with Adam's moments 1.5 GiB: protobuf ends at 2
inline constexpr double kMaxLearningRate = 1000;
inline constexpr double kMaxWeightDecay = 1000;
inline constexpr double kMinAdamEpsilon = 1e-30;
inline constexpr double kMaxAdamEpsilon = 1;

// INVALID_ARGUMENT that names the field as the API spells it ("sisa.shards") and the bound.
absl::Status ValidateSpec(const ModelSpec& spec);

// Number of parameters of one constituent. The spec must be valid.
int64_t ParameterCount(const ModelSpec& spec);

// An unambiguous encoding of everything that the bits of a trained parameter depend on; it goes into the lineage.
// The label names are not part of it, their number is. Golden file: tests/golden/spec_canonical_v1.hex.
std::string CanonicalBytes(const ModelSpec& spec);

}  // namespace expunge

#endif  // EXPUNGE_MODEL_SPEC_H_
