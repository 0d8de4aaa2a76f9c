#ifndef EXPUNGE_SERVING_ENSEMBLE_H_
#define EXPUNGE_SERVING_ENSEMBLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "base/published.h"
#include "model/trainer.h"

namespace expunge {

// One shard's model as it votes.
struct Constituent {
  uint32_t shard = 0;
  uint32_t slices = 0;      // trained on slices 0 .. slices - 1
  uint64_t generation = 0;  // of the shard's membership that it was validated against
  Digest lineage = {};
  Digest parameters_digest = {};
  std::shared_ptr<const Network> network;
};

// The constituents that answer together. Immutable: a Predict that holds one is not disturbed by any change.
struct Snapshot {
  uint64_t version = 0;                   // grows with every change, also across restarts
  std::vector<Constituent> constituents;  // those that vote, ascending by shard
};

// Holds the newest snapshot of one model and swaps it. Thread-safe.
class Ensemble {
 public:
  // `clock` is not owned.
  Ensemble(uint32_t shards, const Clock* clock);

  // The newest snapshot; never null. It copies a pointer, and does not wait for a change in the making.
  std::shared_ptr<const Snapshot> Current() const { return current_.Get(); }

  // Lets a constituent vote in place of its shard's present one. Refused (false) when it was validated against a
  // membership older than the newest withdrawal of its shard: a late retrain never brings the past back.
  bool Publish(Constituent constituent);

  // Stops the vote of the shard's constituent if it was trained on slices from `first_slice` on and against a
  // membership older than `generation`, and refuses such constituents from now on. When this returns, no later
  // Current() has it. A pointer swap, whatever the model's size.
  void Withdraw(uint32_t shard, uint32_t first_slice, uint64_t generation);

  // Who votes in a snapshot of an older version than this may have been withdrawn since: it is the version that the
  // newest Withdraw made. 0: none since the start.
  uint64_t erased_before() const { return erased_before_.load(std::memory_order_acquire); }

 private:
  void Swap(std::vector<Constituent> constituents) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock* const clock_;
  Mutex mutex_;                                             // among writers
  std::vector<uint64_t> barriers_ ABSL_GUARDED_BY(mutex_);  // by shard: the generation of its newest withdrawal
  std::atomic<uint64_t> erased_before_ = 0;
  Published<Snapshot> current_{std::make_shared<const Snapshot>()};
};

}  // namespace expunge

#endif  // EXPUNGE_SERVING_ENSEMBLE_H_
