#ifndef EXPUNGE_BASE_HISTOGRAM_H_
#define EXPUNGE_BASE_HISTOGRAM_H_

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace expunge {

// Counts durations in buckets. Thread-safe; an observation is two relaxed atomic additions and takes no lock, so a
// snapshot may hold one in a bucket that is not in the sum yet.
class Histogram {
 public:
  // The buckets' upper bounds, inclusive and ascending; one more bucket takes what is above them all.
  explicit Histogram(std::vector<absl::Duration> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  void Observe(absl::Duration value);  // a negative one, after the clock was moved back, counts as zero

  const std::vector<absl::Duration>& bounds() const { return bounds_; }

  struct Snapshot {
    std::vector<uint64_t> counts;  // of each bucket alone: one more than there are bounds
    absl::Duration sum;            // in whole microseconds
  };
  Snapshot Take() const;

 private:
  const std::vector<absl::Duration> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<int64_t> sum_micros_ = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_BASE_HISTOGRAM_H_
