#include "client/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace expunge {
namespace {

// A value's bucket is its leading bit and the seven bits after it.
constexpr int kBits = 7;
constexpr uint64_t kPerPower = uint64_t{1} << kBits;
constexpr int kMaxExponent = 42;
constexpr uint64_t kLongestNanos = (uint64_t{1} << (kMaxExponent + 1)) - 1;

size_t BucketOf(uint64_t nanos) {
  if (nanos < kPerPower) return nanos;
  const int shift = std::bit_width(nanos) - 1 - kBits;
  return static_cast<size_t>(shift) * kPerPower + (nanos >> shift);
}

// The largest value that falls into it.
uint64_t EndOf(size_t bucket) {
  if (bucket < 2 * kPerPower) return bucket;
  const size_t shift = bucket / kPerPower - 1;
  return ((bucket % kPerPower + kPerPower + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : counts_(BucketOf(kLongestNanos) + 1) {}

absl::Duration LatencyHistogram::Longest() { return absl::Nanoseconds(kLongestNanos); }

void LatencyHistogram::Add(absl::Duration latency) {
  latency = std::clamp(latency, absl::ZeroDuration(), Longest());
  ++counts_[BucketOf(static_cast<uint64_t>(absl::ToInt64Nanoseconds(latency)))];
  ++count_;
  max_ = std::max(max_, latency);
}

absl::Duration LatencyHistogram::Percentile(double percent) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto rank =
      std::clamp<int64_t>(std::llround(std::ceil(percent / 100 * static_cast<double>(count_))), 1, count_);
  size_t bucket = 0;
  for (int64_t counted = counts_[0]; counted < rank; counted += counts_[bucket]) ++bucket;
  return std::min(absl::Nanoseconds(EndOf(bucket)), max_);
}

}  // namespace expunge
