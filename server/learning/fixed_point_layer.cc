#include "learning/fixed_point_layer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "learning/fixed_point_kernel.h"

namespace expunge {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr int kLargest = 127 * 256 + 127;  // that two signed bytes make up

int64_t RoundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

}  // namespace

void AlignedDelete::operator()(void* bytes) const { ::operator delete[](bytes, kAlignment); }

AlignedBytes<uint8_t> AllocateAligned(int64_t bytes) {
  return AlignedBytes<uint8_t>(static_cast<uint8_t*>(::operator new[](bytes, kAlignment)));
}

bool FixedPointLayer::PaysOff(const Normalizer& normalizer) {
  constexpr float kLargestRatio = 4;  // costs two of the 16 bits
  if (normalizer.dtype() != DType::kUint8 || !RunnableFixedPointKernels().fast()) return false;
  if (RoundUp(normalizer.elements(), kFixedPointInputs) > kMaxFixedPointGroups * kFixedPointInputs) return false;
  float smallest = normalizer.stddev(0), largest = smallest;
  for (int64_t i = 0; i < normalizer.elements(); ++i) {
    smallest = std::min(smallest, normalizer.stddev(i));
    largest = std::max(largest, normalizer.stddev(i));
  }
  return largest <= kLargestRatio * smallest;
}

FixedPointLayer::FixedPointLayer(const float* weights, const float* bias, const Normalizer& normalizer, int64_t outputs)
    : groups_(RoundUp(normalizer.elements(), kFixedPointInputs) / kFixedPointInputs), outputs_(outputs) {
  const int64_t inputs = normalizer.elements();
  const int64_t padded = RoundUp(outputs, kFixedPointOutputs);
  const int64_t bytes = padded * groups_ * 2 * kFixedPointInputs;
  weights_ = AllocateAligned(bytes);
  std::fill_n(weights_.get(), bytes, 0);
  scale_.resize(padded);
  bias_.resize(padded);
  std::vector<double> row(inputs), mean(inputs), scale(inputs);
  for (int64_t i = 0; i < inputs; ++i) {
    mean[i] = normalizer.mean(i);
    scale[i] = 1.0 / normalizer.stddev(i);
  }
  for (int64_t output = 0; output < outputs; ++output) {
    double largest = 0;
    double shift = bias[output];
    for (int64_t i = 0; i < inputs; ++i) {
      row[i] = weights[output * inputs + i] * scale[i];
      shift -= row[i] * mean[i];  // also carries what is not finite
      largest = std::max(largest, std::abs(row[i]));
    }
    const double step = largest / kLargest;
    bias_[output] = static_cast<float>(shift);
    scale_[output] = static_cast<float>(step);
    if (!std::isfinite(bias_[output]) || !std::isfinite(scale_[output])) {
      bias_[output] = std::numeric_limits<float>::quiet_NaN();
    } else if (scale_[output] > 0) {
      const double per_step = 1 / step;
      for (int64_t i = 0; i < inputs; ++i) PlaceWeight(output, i, static_cast<int>(std::lrint(row[i] * per_step)));
    }
  }
}

void FixedPointLayer::PlaceWeight(int64_t output, int64_t input, int weight) {
  const auto low = static_cast<int8_t>(weight);
  const auto high = static_cast<int8_t>((weight - low) >> 8);
  const int64_t group = output / kFixedPointOutputs * groups_ + input / kFixedPointInputs;
  const int64_t quad = input % kFixedPointInputs / 4;
  uint8_t* const place = weights_.get() + group * 2 * kFixedPointHalf +
                         (quad * kFixedPointOutputs + output % kFixedPointOutputs) * 4 + input % 4;
  place[0] = static_cast<uint8_t>(high);
  place[kFixedPointHalf] = static_cast<uint8_t>(low);
}

int64_t FixedPointLayer::stride() const { return groups_ * kFixedPointInputs; }

void FixedPointLayer::Apply(const uint8_t* x, int64_t rows, bool relu, float* y) const {
  RunnableFixedPointKernels().kernels[0]({.x = x,
                                          .rows = rows,
                                          .groups = groups_,
                                          .weights = reinterpret_cast<const int8_t*>(weights_.get()),
                                          .scale = scale_.data(),
                                          .bias = bias_.data(),
                                          .outputs = outputs_,
                                          .relu = relu,
                                          .y = y});
}

}  // namespace expunge
