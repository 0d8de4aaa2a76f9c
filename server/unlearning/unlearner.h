#ifndef EXPUNGE_UNLEARNING_UNLEARNER_H_
#define EXPUNGE_UNLEARNING_UNLEARNER_H_

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/striped_locks.h"
#include "catalog/catalog.h"
#include "catalog/rekeyer.h"
#include "storage/keyring.h"
#include "storage/store.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/holding.h"
#include "unlearning/prefix_publisher.h"
#include "unlearning/purger.h"
#include "unlearning/reconciler.h"
#include "unlearning/regulation.h"
#include "unlearning/retrain_pool.h"

namespace expunge {

struct ForgetRequest {
  std::array<uint8_t, 16> request_id = {};  // UUID: the idempotency key
  std::string subject_id;
  std::vector<std::string> models;      // resource ids; empty: every model that holds the subject
  std::vector<std::string> sample_ids;  // these samples alone; empty: all
  Regulation regulation = Regulation::kOther;
  std::optional<absl::Time> submitted_time;
  bool validate_only = false;
};

struct ForgetResult {
  records::Erasure erasure;
  // Given to the caller of Forget alone and not stored: derived from pepper, request and subject, so that a repeated
  // call gets it again.
  Digest subject_nonce = {};
};

// Everything that changes what may be used: Forget, TrainModel, DeleteModel, and start-up, which finishes what was
// begun. Thread-safe. The parts are not owned and outlive it.
class Unlearner {
 public:
  struct Parts {
    Store* store;
    Keyring* keyring;
    Catalog* catalog;
    Rekeyer* rekeyer;
    ErasureLedger* ledger;
    Reconciler* reconciler;
    RetrainPool* pool;
    PrefixPublisher* publisher;
    Purger* purger;
    StripedLocks* subject_locks;
    const Clock* clock;
  };
  explicit Unlearner(const Parts& parts) : parts_(parts) {}

  // When this returns OK: the erasure survives kill -9 and power loss, the keys of the subject and of every checkpoint
  // that knew it are destroyed, and no later Predict uses a parameter trained on it. O(samples of the subject). With
  // `sample_ids` the subject gets a new key, and the old one dies when what it keeps has been sealed anew. The
  // same request again returns the same erasure. ALREADY_EXISTS (REQUEST_ID_REUSED): the same id with another body.
  // NOT_FOUND (MODEL_NOT_FOUND). UNAVAILABLE (MODEL_BEING_DELETED). Any other error: not acknowledged; repeat the call
  // with the same request_id.
  absl::StatusOr<ForgetResult> Forget(const ForgetRequest& request);
  // The same for many, which share one synced write: one answer for each, in their order. When the write fails, none
  // of those that were in it is acknowledged.
  std::vector<absl::StatusOr<ForgetResult>> ForgetAll(absl::Span<const ForgetRequest> requests);

  // Tries again what FAILED; any other erasure stays as it is. NOT_FOUND (ERASURE_NOT_FOUND).
  absl::StatusOr<records::Erasure> Retry(std::string_view uuid);

  // From now on the model is to be trained on every sample ingested so far. Durable when it returns; workers do it.
  // FAILED_PRECONDITION: NO_SAMPLES, or MORE_SLICES_THAN_SUBJECTS (names the bound).
  absl::Status Train(ModelEntry& model);

  // Destroys the model's keys and data. Durable and done when it returns; open erasures owe it nothing any more. After
  // an error it can be called again; start-up finishes it, too.
  absl::Status Delete(ModelEntry& model);

  // At start-up, before anything is served: finishes interrupted erasures and deletions, publishes every valid
  // constituent, hands the rest to the pool. Uses `threads` threads.
  absl::Status Recover(int threads);

 private:
  struct Forgetting;
  // No two of one subject, or of one request id.
  void ForgetBatch(std::vector<Forgetting> batch);
  absl::StatusOr<bool> Examine(Forgetting& one);
  absl::StatusOr<bool> Stage(Forgetting& one);
  // `keys` owns the new ones.
  absl::Status AddToWrite(const Holding& holding, std::list<SubjectKey>& keys, Keyring::ErasureWrite& write);
  // Stops the vote of what knows them, before anything is written: the record says when.
  void Withdraw(const std::vector<Forgetting>& batch);
  void GiveUp(const std::vector<Forgetting>& batch, const absl::Status& why);
  void RemoveRows(const std::vector<Forgetting>& batch);
  // Hands an isolated erasure to the workers.
  absl::Status Announce(const records::Erasure& erasure);
  absl::Status MarkNothingToRetrain(ShardId shard, const std::vector<ErasureSequence>& erasures);
  // Says in the log, when it is so, that the model was trained in another numeric environment and is trained anew.
  void TellOfAnotherEnvironment(ModelEntry& model) const;
  // Publishes what is valid in every shard; returns those that need training.
  std::vector<ShardId> ReconcileAll(int threads);

  const Parts parts_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_UNLEARNER_H_
