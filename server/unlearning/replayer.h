#ifndef EXPUNGE_UNLEARNING_REPLAYER_H_
#define EXPUNGE_UNLEARNING_REPLAYER_H_

#include <cstdint>
#include <functional>
#include <string>

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
  enum class Kind {
    kMatch,               // every slice's parameters have the bits of its checkpoint
    kMismatch,            // those from `first_mismatch` on have not
    kEnvironmentDiffers,  // trained in another numeric environment: nothing was compared
  };
  Kind kind = Kind::kMatch;
  uint32_t first_mismatch = 0;  // slice
  Digest served = {};           // SHA-256 of the newest checkpoint's parameters
  Digest replayed = {};         // of the parameters trained from scratch
  Digest lineage = {};
  double worker_seconds = 0;  // CPU seconds
  // With kEnvironmentDiffers alone, which has nothing else.
  std::string trained_environment;
  std::string server_environment;
};

// Retrains one shard from scratch on the samples that remain, beside the running service, and compares the bits with
// the checkpoints, slice by slice. Runs on the calling thread. `progress` returns false to stop (CANCELLED).
// A shard that was trained in another numeric environment than the trainer's is not trained: bits of two environments
// tell nothing. That is so as long as it has such a checkpoint, and from when Reconcile destroyed those until the shard
// is trained again.
// DATA_LOSS (FORGOTTEN_SUBJECT_REVIVED): it holds a subject that was forgotten.
// FAILED_PRECONDITION (SHARD_NOT_TRAINED) while the shard is not up to date; ABORTED (MEMBERSHIP_MOVED) when it changed
// meanwhile: try again.
absl::StatusOr<ReplayVerdict> ReplayShard(ModelEntry& model, uint32_t shard, Store& store, const Keyring& keyring,
                                          const Trainer& trainer,
                                          const std::function<bool(const ReplayProgress&)>& progress);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_REPLAYER_H_
