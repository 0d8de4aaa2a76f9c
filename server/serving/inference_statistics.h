#ifndef EXPUNGE_SERVING_INFERENCE_STATISTICS_H_
#define EXPUNGE_SERVING_INFERENCE_STATISTICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/histogram.h"

namespace expunge {

// What a Batcher has done since the start of the process. Thread-safe and without a lock: each count is a relaxed
// atomic addition.
class InferenceStatistics {
 public:
  enum class Failure {
    kQueueFull,       // refused, because too many waited
    kAbandoned,       // nobody waited any more when its turn came
    kNoConstituents,  // nothing of the model votes
    kOther,
  };
  static constexpr size_t kFailures = 4;

  InferenceStatistics();

  void CountAnswered() { Add(&answered_, 1); }
  void CountFailure(Failure failure) { Add(&failures_[static_cast<size_t>(failure)], 1); }
  void CountBatch(size_t samples, absl::Duration computing);
  void CountQueued(absl::Duration waiting) { queued_.Observe(waiting); }

  uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }  // requests
  uint64_t failures(Failure failure) const {
    return failures_[static_cast<size_t>(failure)].load(std::memory_order_relaxed);
  }
  uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }  // computed, in vain or not
  uint64_t samples() const { return samples_.load(std::memory_order_relaxed); }  // in these batches
  const Histogram& queued() const { return queued_; }        // of requests, until they were taken into a batch
  const Histogram& computing() const { return computing_; }  // of batches

 private:
  static void Add(std::atomic<uint64_t>* count, uint64_t some) { count->fetch_add(some, std::memory_order_relaxed); }

  std::atomic<uint64_t> answered_ = 0;
  std::array<std::atomic<uint64_t>, kFailures> failures_ = {};
  std::atomic<uint64_t> batches_ = 0;
  std::atomic<uint64_t> samples_ = 0;
  Histogram queued_;
  Histogram computing_;
};

}  // namespace expunge

#endif  // EXPUNGE_SERVING_INFERENCE_STATISTICS_H_
