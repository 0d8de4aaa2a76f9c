#ifndef EXPUNGE_CLIENT_LATENCY_HISTOGRAM_H_
#define EXPUNGE_CLIENT_LATENCY_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace expunge {

// Counts durations in buckets whose width grows with the value, as HdrHistogram (http://hdrhistogram.org) does: below
// 256 ns each value has its own, and from each power of two to the next there are 128 of equal width. So its memory,
// 36 KiB, depends on nothing, and a percentile is at most 1/128 of itself too large. Not thread-safe.
class LatencyHistogram {
 public:
  LatencyHistogram();

  // A negative one counts as zero, one above Longest() as that.
  void Add(absl::Duration latency);
  static absl::Duration Longest();  // about two hours

  int64_t count() const { return count_; }
  absl::Duration max() const { return max_; }  // exact; zero when nothing was counted

  // The smallest duration that `percent` of those counted, from 0 to 100, do not exceed, rounded up to its bucket's
  // end, but never above max(). Zero when nothing was counted.
  absl::Duration Percentile(double percent) const;

 private:
  std::vector<int64_t> counts_;
  int64_t count_ = 0;
  absl::Duration max_;
};

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_LATENCY_HISTOGRAM_H_
