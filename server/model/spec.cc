#include "model/spec.h"

#include <bit>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

template <typename T>
absl::Status CheckRange(std::string_view field, T value, T low, T high) {
  if (value >= low && value <= high) return absl::OkStatus();  // false for NaN
  return InvalidField(field, absl::StrCat("must be from ", low, " to ", high, ", is ", value));
}

absl::Status CheckSize(std::string_view field, size_t size, size_t low, size_t high) {
  if (size >= low && size <= high) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have from ", low, " to ", high, " entries, has ", size));
}

absl::Status CheckEntries(std::string_view field, absl::Span<const int64_t> values, int64_t low, int64_t high) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= low && values[i] <= high) continue;
    return InvalidField(field,
                        absl::StrCat("must have entries from ", low, " to ", high, ", entry ", i, " is ", values[i]));
  }
  return absl::OkStatus();
}

absl::Status ValidateShape(const InputSpec& input) {
  constexpr std::string_view kField = "input.shape";
  RETURN_IF_ERROR(CheckSize(kField, input.shape.size(), 1, kMaxDimensions));
  RETURN_IF_ERROR(CheckEntries(kField, input.shape, 1, kMaxInputElements));
  int64_t elements = 1;
  for (int64_t size : input.shape) {
    elements *= size;  // at most kMaxInputElements squared
    if (elements > kMaxInputElements) {
      return InvalidField(kField, absl::StrCat("must have at most ", kMaxInputElements, " elements in all, has more"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateNormalization(std::string_view field, absl::Span<const float> values, int64_t first_dimension) {
  if (values.size() != 1 && values.size() != static_cast<size_t>(first_dimension)) {
    return InvalidField(field, absl::StrCat("must have 1 entry or ", first_dimension,
                                            " (one per index of the first dimension), has ", values.size()));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      return InvalidField(field, absl::StrCat("must be finite, entry ", i, " is ", values[i]));
  }
  return absl::OkStatus();
}

absl::Status ValidateInput(const InputSpec& input) {
  RETURN_IF_ERROR(ValidateShape(input));
  if (input.dtype != DType::kUint8 && input.dtype != DType::kFloat32) {
    return InvalidField("input.dtype",
                        absl::StrCat("must be UINT8 or FLOAT32, is number ", static_cast<int>(input.dtype)));
  }
  RETURN_IF_ERROR(ValidateNormalization("input.mean", input.mean, input.shape[0]));
  RETURN_IF_ERROR(ValidateNormalization("input.stddev", input.stddev, input.shape[0]));
  for (size_t i = 0; i < input.stddev.size(); ++i) {
    if (input.stddev[i] > 0) continue;
    return InvalidField("input.stddev", absl::StrCat("must be greater than 0, entry ", i, " is ", input.stddev[i]));
  }
  return absl::OkStatus();
}

absl::Status ValidateLabels(const std::vector<std::string>& labels) {
  constexpr std::string_view kField = "labels";
  RETURN_IF_ERROR(CheckSize(kField, labels.size(), 2, kMaxClasses));
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty() || labels[i].size() > kMaxLabelBytes) {
      return InvalidField(kField, absl::StrCat("must have entries of 1 to ", kMaxLabelBytes, " bytes, entry ", i,
                                               " has ", labels[i].size()));
    }
    if (!seen.insert(labels[i]).second) {
      return InvalidField(kField, absl::StrCat("must be unique, entry ", i, " repeats an earlier one"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateArchitecture(const ModelSpec& spec) {
  if (const auto* mlp = std::get_if<Mlp>(&spec.architecture)) {
    constexpr std::string_view kField = "architecture.mlp.hidden_sizes";
    RETURN_IF_ERROR(CheckSize(kField, mlp->hidden_sizes.size(), 1, kMaxHiddenLayers));
    RETURN_IF_ERROR(CheckEntries(kField, mlp->hidden_sizes, 1, kMaxLayerSize));
  }
  if (const auto* cnn = std::get_if<Cnn>(&spec.architecture)) {
    const auto& shape = spec.input.shape;
    if ((shape.size() != 2 && shape.size() != 3) || shape[shape.size() - 2] < 4 || shape[shape.size() - 1] < 4) {
      return InvalidField("architecture.cnn",
                          "must have an input.shape of [H, W] or [C, H, W] with H and W at least 4");
    }
    if (cnn->channels.size() != 2) {
      return InvalidField("architecture.cnn.channels",
                          absl::StrCat("must have exactly 2 entries, has ", cnn->channels.size()));
    }
    RETURN_IF_ERROR(CheckEntries("architecture.cnn.channels", cnn->channels, 1, kMaxLayerSize));
    RETURN_IF_ERROR(CheckRange<int64_t>("architecture.cnn.hidden_size", cnn->hidden_size, 1, kMaxLayerSize));
  }
  if (const int64_t parameters = ParameterCount(spec); parameters > kMaxParameters) {
    return InvalidField("architecture",
                        absl::StrCat("must have at most ", kMaxParameters, " parameters, has ", parameters));
  }
  return absl::OkStatus();
}

// Bounded above because a number that float cannot hold is an error in the middle of training.
absl::Status CheckLearningRate(std::string_view field, double value) {
  if (value > 0 && value <= kMaxLearningRate) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must be greater than 0 and at most ", kMaxLearningRate, ", is ", value));
}

// A decay rate of a running mean; at 1 nothing would ever be taken in.
absl::Status CheckDecayRate(std::string_view field, double value) {
  if (value >= 0 && value < 1) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must be from 0 to less than 1, is ", value));
}

absl::Status ValidateOptimizer(const Optimizer& optimizer) {
  if (const auto* sgd = std::get_if<Sgd>(&optimizer)) {
    RETURN_IF_ERROR(CheckLearningRate("training.sgd.learning_rate", sgd->learning_rate));
    RETURN_IF_ERROR(CheckDecayRate("training.sgd.momentum", sgd->momentum));
    RETURN_IF_ERROR(CheckRange("training.sgd.weight_decay", sgd->weight_decay, 0.0, kMaxWeightDecay));
  }
  if (const auto* adam = std::get_if<Adam>(&optimizer)) {
    RETURN_IF_ERROR(CheckLearningRate("training.adam.learning_rate", adam->learning_rate));
    RETURN_IF_ERROR(CheckDecayRate("training.adam.beta1", adam->beta1));
    RETURN_IF_ERROR(CheckDecayRate("training.adam.beta2", adam->beta2));
    RETURN_IF_ERROR(CheckRange("training.adam.epsilon", adam->epsilon, kMinAdamEpsilon, kMaxAdamEpsilon));
    RETURN_IF_ERROR(CheckRange("training.adam.weight_decay", adam->weight_decay, 0.0, kMaxWeightDecay));
  }
  return absl::OkStatus();
}

absl::Status ValidateSisa(const SisaSpec& sisa) {
  RETURN_IF_ERROR(CheckRange("sisa.shards", sisa.shards, 1u, kMaxShards));
  RETURN_IF_ERROR(CheckRange("sisa.slices", sisa.slices, 1u, kMaxSlices));
  if (sisa.aggregation != Aggregation::kMeanProbability && sisa.aggregation != Aggregation::kMajorityVote) {
    return InvalidField("sisa.aggregation", absl::StrCat("must be MEAN_PROBABILITY or MAJORITY_VOTE, is number ",
                                                         static_cast<int>(sisa.aggregation)));
  }
  return absl::OkStatus();
}

// Appends fields as 8 bytes little-endian each; what varies in length is preceded by its length.
class Encoder {
 public:
  void Int(uint64_t value) { bytes_.append(LittleEndian(value)); }
  void Real(float value) { Int(std::bit_cast<uint32_t>(value)); }
  void Real(double value) { Int(std::bit_cast<uint64_t>(value)); }
  void Text(std::string_view text) {
    Int(text.size());
    bytes_.append(text);
  }
  void List(absl::Span<const int64_t> values) {
    Int(values.size());
    for (int64_t value : values) Int(static_cast<uint64_t>(value));
  }
  void List(absl::Span<const float> values) {
    Int(values.size());
    for (float value : values) Real(value);
  }
  std::string Take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

void EncodeArchitecture(const Architecture& architecture, Encoder* encoder) {
  std::visit(Overloaded{[&](const SoftmaxRegression&) { encoder->Int(1); },
                        [&](const Mlp& mlp) {
                          encoder->Int(2);
                          encoder->List(mlp.hidden_sizes);
                        },
                        [&](const Cnn& cnn) {
                          encoder->Int(3);
                          encoder->List(cnn.channels);
                          encoder->Int(static_cast<uint64_t>(cnn.hidden_size));
                        }},
             architecture);
}

void EncodeOptimizer(const Optimizer& optimizer, Encoder* encoder) {
  std::visit(Overloaded{[&](const Sgd& sgd) {
                          encoder->Int(1);
                          encoder->Real(sgd.learning_rate);
                          encoder->Real(sgd.momentum);
                          encoder->Real(sgd.weight_decay);
                        },
                        [&](const Adam& adam) {
                          encoder->Int(2);
                          encoder->Real(adam.learning_rate);
                          encoder->Real(adam.beta1);
                          encoder->Real(adam.beta2);
                          encoder->Real(adam.epsilon);
                          encoder->Real(adam.weight_decay);
                        }},
             optimizer);
}

}  // namespace

size_t SizeOf(DType dtype) { return dtype == DType::kFloat32 ? sizeof(float) : sizeof(uint8_t); }

int64_t InputSpec::Elements() const {
  int64_t elements = 1;
  for (int64_t size : shape) elements *= size;
  return elements;
}

size_t InputSpec::SampleBytes() const { return static_cast<size_t>(Elements()) * SizeOf(dtype); }

absl::Status ValidateSpec(const ModelSpec& spec) {
  RETURN_IF_ERROR(ValidateInput(spec.input));
  RETURN_IF_ERROR(ValidateLabels(spec.labels));
  RETURN_IF_ERROR(ValidateArchitecture(spec));
  RETURN_IF_ERROR(CheckRange("training.epochs", spec.training.epochs, 1u, kMaxEpochs));
  RETURN_IF_ERROR(CheckRange("training.batch_size", spec.training.batch_size, 1u, kMaxBatchSize));
  RETURN_IF_ERROR(ValidateOptimizer(spec.training.optimizer));
  return ValidateSisa(spec.sisa);
}

int64_t ParameterCount(const ModelSpec& spec) {
  // No overflow: the bounds on the fields keep every product below 2^51, and there are at most 17 layers.
  static_assert(kMaxInputElements <= int64_t{1} << 22 && kMaxLayerSize <= int64_t{1} << 16 && kMaxHiddenLayers <= 16);
  const auto linear = [](int64_t in, int64_t out) { return in * out + out; };
  const auto convolution = [](int64_t in, int64_t out) { return in * out * 5 * 5 + out; };
  const int64_t inputs = spec.input.Elements();
  const int64_t classes = spec.classes();
  return std::visit(
      Overloaded{[&](const SoftmaxRegression&) { return linear(inputs, classes); },
                 [&](const Mlp& mlp) {
                   int64_t total = 0;
                   int64_t width = inputs;
                   for (int64_t hidden : mlp.hidden_sizes) {
                     total += linear(width, hidden);
                     width = hidden;
                   }
                   return total + linear(width, classes);
                 },
                 [&](const Cnn& cnn) {
                   const auto& shape = spec.input.shape;
                   const int64_t planes = shape.size() == 3 ? shape[0] : 1;
                   // Each of the two poolings halves height and width, rounding down.
                   const int64_t pixels = (shape[shape.size() - 2] / 4) * (shape[shape.size() - 1] / 4);
                   return convolution(planes, cnn.channels[0]) + convolution(cnn.channels[0], cnn.channels[1]) +
                          linear(cnn.channels[1] * pixels, cnn.hidden_size) + linear(cnn.hidden_size, classes);
                 }},
      spec.architecture);
}

std::string CanonicalBytes(const ModelSpec& spec) {
  Encoder encoder;
  encoder.Text("expunge.spec.v1");
  encoder.List(spec.input.shape);
  encoder.Int(static_cast<uint64_t>(spec.input.dtype));
  encoder.List(spec.input.mean);
  encoder.List(spec.input.stddev);
  encoder.Int(spec.classes());
  EncodeArchitecture(spec.architecture, &encoder);
  encoder.Int(spec.training.epochs);
  encoder.Int(spec.training.batch_size);
  encoder.Int(spec.training.seed);
  EncodeOptimizer(spec.training.optimizer, &encoder);
  encoder.Int(spec.sisa.shards);
  encoder.Int(spec.sisa.slices);
  return std::move(encoder).Take();
}

}  // namespace expunge
