#include "learning/normalizer.h"

#include <algorithm>
#include <cstring>

namespace expunge {

Normalizer::Normalizer(const InputSpec& input)
    : dtype_(input.dtype),
      elements_(input.Elements()),
      sample_bytes_(input.SampleBytes()),
      mean_(input.mean),
      stddev_(input.stddev) {
  const size_t groups = std::max(mean_.size(), stddev_.size());
  mean_.resize(groups, mean_.front());
  stddev_.resize(groups, stddev_.front());
  group_elements_ = elements_ / static_cast<int64_t>(groups);
}

void Normalizer::Normalize(const uint8_t* sample, float* normalized) const {
  switch (dtype_) {
    case DType::kUint8:
      return NormalizeAs<uint8_t>(sample, normalized);
    case DType::kFloat32:
      return NormalizeAs<float>(sample, normalized);
  }
}

template <typename Source>
void Normalizer::NormalizeAs(const uint8_t* sample, float* __restrict normalized) const {
  for (size_t group = 0; group < mean_.size(); ++group) {
    const float mean = mean_[group];
    const float stddev = stddev_[group];
    for (int64_t i = 0; i < group_elements_; ++i) {
      Source value;
      std::memcpy(&value, sample + i * sizeof(Source), sizeof(Source));
      normalized[i] = (static_cast<float>(value) - mean) / stddev;
    }
    sample += group_elements_ * sizeof(Source);
    normalized += group_elements_;
  }
}

}  // namespace expunge
