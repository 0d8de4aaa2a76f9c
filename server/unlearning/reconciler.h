#ifndef EXPUNGE_UNLEARNING_RECONCILER_H_
#define EXPUNGE_UNLEARNING_RECONCILER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/striped_locks.h"
#include "catalog/model_entry.h"
#include "catalog/rekeyer.h"
#include "model/trainer.h"
#include "storage/keyring.h"
#include "storage/store.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/shard_training.h"
#include "unlearning/training_log.h"

namespace expunge {

// The one act in which start-up, Forget, TrainModel and a finished retrain all end: find the longest prefix of slices
// whose checkpoints are valid now, let it vote, train the rest. Computed from what is stored, never remembered, so it
// may be repeated, interrupted and run anew at will; the result is the same bits.
//
// Thread-safe, but one shard on one thread at a time (RetrainPool sees to it). The parts are not owned.
class Reconciler {
 public:
  // `subject_locks` is the one of the Ingestor and the Unlearner.
  Reconciler(Store* store, Keyring* keyring, Rekeyer* rekeyer, const Trainer* trainer, ErasureLedger* ledger,
             TrainingLog* training_log, StripedLocks* subject_locks, const Clock* clock);

  enum class Outcome {
    kUpToDate,       // every slice is valid and votes; the erasures that waited for this shard are told
    kNeedsTraining,  // asked not to train, and something is to be trained
    kMoved,          // the membership changed meanwhile: reconcile again
    kStopped,        // `stop` said so, or the model is being deleted; what was committed stays
  };

  // With `train` false only the first half: publish what is valid. `stop` is asked from time to time.
  // An error leaves the shard as it was: what is valid votes, erasures stay open.
  absl::StatusOr<Outcome> Reconcile(ModelEntry& model, uint32_t shard, bool train, const std::function<bool()>& stop);

  // Lets what an erasure left of a shard vote again, when nothing of the shard does: the longest prefix of slices of
  // which an earlier Reconcile knows that it is valid, if nothing that it depends on has changed since. Reads one
  // checkpoint, where Reconcile reads the shard's membership. Any thread, also beside a Reconcile of the shard.
  absl::Status PublishKnownPrefix(ModelEntry& model, uint32_t shard);

  // What this server trains in: the trainer's.
  const std::string& numeric_environment() const { return numeric_environment_; }

 private:
  struct Pass;

  absl::StatusOr<Outcome> Run(Pass& pass, bool train, const std::function<bool()>& stop);
  // Deletes the rows whose key is gone: what an interrupted Forget left, or an older store brought back.
  absl::Status RemoveDeadSubjects(const Pass& pass);
  absl::Status DestroyInvalidCheckpoints(Pass& pass);
  // Sets valid_slices and the state after them (the initial one for none).
  absl::Status FindValidPrefix(Pass& pass);
  // False, also below: the membership moved, nothing was done.
  absl::StatusOr<bool> PublishPrefix(Pass& pass);
  absl::StatusOr<bool> Commit(Pass& pass, uint32_t slice, double worker_seconds);
  absl::StatusOr<Outcome> TrainNextSlice(Pass& pass, const ShardSamples& samples, const std::function<bool()>& stop);
  absl::StatusOr<Outcome> Finish(Pass& pass);

  Store* const store_;
  Keyring* const keyring_;
  Rekeyer* const rekeyer_;
  const Trainer* const trainer_;
  ErasureLedger* const ledger_;
  TrainingLog* const training_log_;
  StripedLocks* const subject_locks_;
  const Clock* const clock_;
  const std::string numeric_environment_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_RECONCILER_H_
