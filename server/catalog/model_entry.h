#ifndef EXPUNGE_CATALOG_MODEL_ENTRY_H_
#define EXPUNGE_CATALOG_MODEL_ENTRY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/notifier.h"
#include "model/ids.h"
#include "model/spec.h"
#include "serving/ensemble.h"
#include "storage/store.h"

namespace expunge {

// What is known of one shard, for those who watch; derived from the store, never a source of decisions.
struct ShardStatus {
  enum class Phase {
    kUntrained,  // no TrainModel yet
    kWaiting,    // dirty, no worker has it
    kTraining,   // a worker trains `training_slice`
    kTrained,    // every slice has a valid checkpoint, or the shard has no sample
    kFailed,     // training failed too often; not tried again until somebody asks
  };
  struct Slice {
    uint64_t samples = 0;     // stored, also those that wait for the next TrainModel
    bool checkpoint = false;  // a valid one exists
    Digest lineage = {};      // of the checkpoint
    Digest parameters_digest = {};
    double worker_seconds = 0;  // CPU seconds that a worker spent on the checkpoint
  };
  Phase phase = Phase::kUntrained;
  uint64_t subjects = 0;
  std::vector<Slice> slices;
  uint32_t training_slice = 0;
  double slice_progress = 0;  // of training_slice, 0 to 1
  std::string problem;        // why the newest attempt failed; empty once one succeeded
  // The numeric environment of the checkpoints that were destroyed because this server has another one; empty once the
  // shard is trained again.
  std::string former_environment;
};

// One shard in memory. Thread-safe through `mutex`.
//
// Whoever trains a shard reads `generation` before the membership, and may commit or publish slice r only while nothing
// that slices 0 .. r depend on has changed since or is changing: Holds.
struct Shard {
  Mutex mutex;
  uint64_t generation ABSL_GUARDED_BY(mutex) = 1;              // grows with every change of what may be used
  std::vector<uint64_t> slice_changed ABSL_GUARDED_BY(mutex);  // per slice: the generation of its newest change
  std::multiset<uint32_t> erasing ABSL_GUARDED_BY(mutex);      // first slices of the erasures that are under way
  // Per slice: the generation at which its checkpoint was seen to be valid; 0: it was not. While that still Holds, it
  // is.
  std::vector<uint64_t> valid_as_of ABSL_GUARDED_BY(mutex);
  ShardStatus status ABSL_GUARDED_BY(mutex);
  bool counted ABSL_GUARDED_BY(mutex) = false;  // status has the numbers of what is stored
  // Somebody looked at the membership as a whole, and since then nothing has changed but what whole erasures took: what
  // is left to be done is to train. And at least so many samples are left to be trained on.
  bool looked_at ABSL_GUARDED_BY(mutex) = false;
  int64_t samples_left ABSL_GUARDED_BY(mutex) = 0;

  // What was read of slices 0 .. `slice` at generation `since` still holds.
  bool Holds(uint64_t since, uint32_t slice) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return slice_changed[slice] <= since && (erasing.empty() || *erasing.begin() > slice);
  }

  // How many of the first slices are known to have a valid checkpoint after the last of them. At least as many have
  // one.
  uint32_t KnownValidSlices() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (uint32_t slices = static_cast<uint32_t>(valid_as_of.size()); slices > 0; --slices) {
      if (valid_as_of[slices - 1] > 0 && Holds(valid_as_of[slices - 1], slices - 1)) return slices;
    }
    return 0;
  }
};

// One model in memory: its declaration, its shards, its ensemble. Thread-safe.
class ModelEntry {
 public:
  ModelEntry(ModelUid uid, records::Model record, ModelSpec spec, const Clock* clock);

  ModelUid uid() const { return uid_; }
  const std::string& name() const { return name_; }  // resource id, without "models/"
  const ModelSpec& spec() const { return spec_; }
  absl::Time create_time() const { return create_time_; }
  Shard& shard(uint32_t index) { return *shards_[index]; }
  Ensemble& ensemble() { return ensemble_; }
  const Ensemble& ensemble() const { return ensemble_; }
  Notifier& changes() { return changes_; }  // told of every change of a ShardStatus

  // TrainModel holds it alone while it takes new samples in; a Forget shares it from reading what is trained on until
  // its bump of the generation.
  std::shared_mutex train_mutex;

  // Ingest and TrainModel change the record under this mutex, and write it before they release it.
  Mutex record_mutex;
  records::Model record ABSL_GUARDED_BY(record_mutex);

  // Samples of batches up to this one may be trained on. 0: never trained.
  uint64_t trained_through() ABSL_LOCKS_EXCLUDED(record_mutex);
  bool deleting() ABSL_LOCKS_EXCLUDED(record_mutex);
  // Its keys are destroyed: what is left of it can be read by nobody. Set under train_mutex.
  bool keys_gone() const { return keys_gone_.load(std::memory_order_acquire); }
  void set_keys_gone() { keys_gone_.store(true, std::memory_order_release); }
  bool trained() const { return trained_.load(std::memory_order_acquire); }  // TrainModel was called; takes no lock
  void set_trained() { trained_.store(true, std::memory_order_release); }

  // An erasure changes the shard from `first_slice` on; no slice from there on is committed or published until
  // EndErasure. Between the two the keys die. Returns the shard's new generation, for the withdrawal.
  uint64_t BeginErasure(uint32_t shard, uint32_t first_slice);
  // `erased`: it came to pass; the shard waits for a worker, and checkpoints from `first_slice` on are known not to be
  // valid any more.
  void EndErasure(uint32_t shard, uint32_t first_slice, bool erased);
  // What is to be done for the shard is more than to train: the next worker looks at it as a whole.
  void NeedsLook(uint32_t shard);
  // All slices are to be looked at again: what is to be trained on changed, or, with `gone`, the checkpoints were
  // destroyed. Returns the new generation.
  uint64_t Bump(uint32_t shard, bool gone);

  ShardStatus Status(uint32_t shard);
  // Samples that were forgotten, and, when none is left, their subject.
  void RemoveFromCounts(uint32_t shard, const std::vector<uint32_t>& slices, bool whole_subject);

 private:
  const ModelUid uid_;
  const std::string name_;
  const ModelSpec spec_;
  const absl::Time create_time_;
  std::atomic<bool> trained_;
  std::atomic<bool> keys_gone_ = false;
  std::vector<std::unique_ptr<Shard>> shards_;
  Ensemble ensemble_;
  Notifier changes_;
};

}  // namespace expunge

#endif  // EXPUNGE_CATALOG_MODEL_ENTRY_H_
