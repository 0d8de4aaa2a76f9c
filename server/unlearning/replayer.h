#ifndef EXPUNGE_UNLEARNING_REPLAYER_H_
#define EXPUNGE_UNLEARNING_REPLAYER_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "catalog/model_entry.h"
#include "model/trainer.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

struct ReplayProgress {
  uint32_t slice = 0;
  double slice_progress = 0;  // 0 to 1
};

struct ReplayVerdict {
  bool match = false;           // every slice's parameters have the bits of its checkpoint
  uint32_t first_mismatch = 0;  // slice, when not
  Digest served = {};           // SHA-256 of the newest checkpoint's parameters
  Digest replayed = {};         // of the parameters trained from scratch
  Digest lineage = {};
  double worker_seconds = 0;  // CPU seconds
};

// Retrains one shard from scratch on the samples that remain, beside the running service, and compares the bits with
// the checkpoints, slice by slice. Runs on the calling thread. `progress` returns false to stop (CANCELLED).
// DATA_LOSS (FORGOTTEN_SUBJECT_REVIVED): it holds a subject that was forgotten.
// FAILED_PRECONDITION (SHARD_NOT_TRAINED) while the shard is not up to date; ABORTED (MEMBERSHIP_MOVED) when it changed
// meanwhile: try again.
absl::StatusOr<ReplayVerdict> ReplayShard(ModelEntry& model, uint32_t shard, Store& store, const Keyring& keyring,
                                          const Trainer& trainer,
                                          const std::function<bool(const ReplayProgress&)>& progress);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_REPLAYER_H_
