#include "base/histogram.h"

#include <algorithm>

namespace expunge {

void Histogram::Observe(absl::Duration value) {
  value = std::max(value, absl::ZeroDuration());
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_micros_.fetch_add(absl::ToInt64Microseconds(value), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Take() const {
  Snapshot snapshot;
  for (const std::atomic<uint64_t>& count : counts_) snapshot.counts.push_back(count.load(std::memory_order_relaxed));
  snapshot.sum = absl::Microseconds(sum_micros_.load(std::memory_order_relaxed));
  return snapshot;
}

}  // namespace expunge
