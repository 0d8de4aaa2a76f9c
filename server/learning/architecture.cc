#include "learning/architecture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>

namespace expunge {
namespace {

class LayoutBuilder {
 public:
  void AddLinear(int64_t inputs, int64_t outputs) { AddLayer({outputs, inputs}, inputs); }
  void AddConvolution(int64_t inputs, int64_t outputs) { AddLayer({outputs, inputs, 5, 5}, inputs * 25); }
  std::vector<ParameterTensor> Finish() && { return std::move(tensors_); }

 private:
  void AddLayer(std::vector<int64_t> weight_shape, int64_t fan_in) {
    const int64_t outputs = weight_shape[0];
    AddTensor(std::move(weight_shape), outputs * fan_in, fan_in);
    AddTensor({outputs}, outputs, fan_in);
  }

  void AddTensor(std::vector<int64_t> shape, int64_t size, int64_t fan_in) {
    tensors_.push_back({.shape = std::move(shape), .fan_in = fan_in, .offset = offset_, .size = size});
    offset_ += size;
  }

  std::vector<ParameterTensor> tensors_;
  int64_t offset_ = 0;
};

// Uniform in [0, 1), 24 bits: every value is a float.
float UniformFloat(std::mt19937_64& generator) { return static_cast<float>(generator() >> 40) * 0x1p-24f; }

}  // namespace

CnnGeometry::CnnGeometry(const InputSpec& input, const Cnn& cnn) {
  const bool has_channels = input.shape.size() == 3;
  channels = has_channels ? input.shape[0] : 1;
  height = input.shape[has_channels ? 1 : 0];
  width = input.shape[has_channels ? 2 : 1];
  flattened = cnn.channels[1] * (height / 2 / 2) * (width / 2 / 2);
}

std::vector<ParameterTensor> ParameterLayout(const ModelSpec& spec) {
  LayoutBuilder builder;
  int64_t inputs = spec.input.Elements();
  if (const auto* mlp = std::get_if<Mlp>(&spec.architecture)) {
    for (const int64_t hidden : mlp->hidden_sizes) {
      builder.AddLinear(inputs, hidden);
      inputs = hidden;
    }
  } else if (const auto* cnn = std::get_if<Cnn>(&spec.architecture)) {
    const CnnGeometry geometry(spec.input, *cnn);
    builder.AddConvolution(geometry.channels, cnn->channels[0]);
    builder.AddConvolution(cnn->channels[0], cnn->channels[1]);
    builder.AddLinear(geometry.flattened, cnn->hidden_size);
    inputs = cnn->hidden_size;
  }
  builder.AddLinear(inputs, spec.classes());
  return std::move(builder).Finish();
}

std::vector<float> InitialParameters(const ModelSpec& spec, const Digest& seed) {
  std::seed_seq seed_sequence(seed.begin(), seed.end());
  std::mt19937_64 generator(seed_sequence);
  std::vector<float> parameters;
  for (const ParameterTensor& tensor : ParameterLayout(spec)) {
    const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(tensor.fan_in)));
    for (int64_t i = 0; i < tensor.size; ++i) {
      parameters.push_back(bound * (2.0f * UniformFloat(generator) - 1.0f));
    }
  }
  return parameters;
}

int64_t WidestActivation(const ModelSpec& spec) {
  int64_t widest = std::max<int64_t>(spec.input.Elements(), spec.classes());
  if (const auto* mlp = std::get_if<Mlp>(&spec.architecture)) {
    for (const int64_t hidden : mlp->hidden_sizes) widest = std::max(widest, hidden);
  } else if (const auto* cnn = std::get_if<Cnn>(&spec.architecture)) {
    const CnnGeometry geometry(spec.input, *cnn);
    const int64_t pixels = geometry.height * geometry.width;
    widest = std::max({widest, cnn->channels[0] * pixels, cnn->channels[1] * pixels / 4, cnn->hidden_size});
  }
  return widest;
}

}  // namespace expunge
