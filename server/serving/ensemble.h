#ifndef EXPUNGE_SERVING_ENSEMBLE_H_
#define EXPUNGE_SERVING_ENSEMBLE_H_

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
  uint64_t erased_before = 0;             // versions below this one may have voted with what an erasure withdrew
  std::vector<Constituent> constituents;  // those that vote, ascending by shard
  // Made when the snapshot is, for those who ask it.
  std::vector<const Network*> networks;  // of the constituents
  std::vector<uint8_t> complete;         // of each: not 0 when it is trained on all slices
  uint32_t complete_count = 0;
  uint32_t behind = 0;  // shards that have samples, as far as is known, and no complete constituent
};

// Holds the newest snapshot of one model and swaps it. Thread-safe.
class Ensemble {
 public:
  // `clock` is not owned.
  Ensemble(uint32_t shards, uint32_t slices, const Clock* clock);

  // The newest snapshot; never null. It copies a pointer, and does not wait for a change in the making.
  std::shared_ptr<const Snapshot> Current() const { return current_.Get(); }

  // Lets a constituent vote in place of its shard's present one. Refused (false) when it was validated against a
  // membership older than the newest withdrawal of its shard: a late retrain never brings the past back.
  bool Publish(Constituent constituent);

  // The same, but it leaves the shard's present constituent, if there is one: false.
  bool PublishWhereNoneVotes(Constituent constituent);

  // Whether the shard has a constituent in the newest snapshot.
  bool Votes(uint32_t shard) const;

  // Stops the vote of the shard's constituent if it was trained on slices from `first_slice` on and against a
  // membership older than `generation`, and refuses such constituents from now on. When this returns, no later
  // Current() has it. A pointer swap, whatever the model's size.
  void Withdraw(uint32_t shard, uint32_t first_slice, uint64_t generation);

  // Whether a shard has samples to be trained on, as of `generation` of its membership; an older one than was told
  // before changes nothing. One without has no constituent, and none is behind for its sake. At first every shard may
  // have some.
  void SetEmpty(uint32_t shard, bool empty, uint64_t generation);

 private:
  struct Shard {
    uint64_t barrier = 0;      // the generation of its newest withdrawal
    uint64_t empty_as_of = 0;  // a generation
    bool empty = false;
  };

  bool PublishLocked(Constituent constituent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t NextVersion() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Swap(std::vector<Constituent> constituents) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t slices_;
  const Clock* const clock_;
  Mutex mutex_;  // among writers
  std::vector<Shard> shards_ ABSL_GUARDED_BY(mutex_);
  uint64_t erased_before_ ABSL_GUARDED_BY(mutex_) = 0;
  Published<Snapshot> current_;
};

}  // namespace expunge

#endif  // EXPUNGE_SERVING_ENSEMBLE_H_
