#ifndef EXPUNGE_STORAGE_STORE_H_
#define EXPUNGE_STORAGE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "expunge/storage/v1/records.pb.h"
#include "model/ids.h"
#include "model/spec.h"

namespace expunge {

namespace records = storage::v1;

// A sample as the store keeps it: sealed (DataKey::Seal) with its subject's key.
struct SealedSample {
  SampleKey key;
  std::string sealed;
};

// What one ingest adds to one subject: the whole new subject row and the samples that are new in it.
struct SubjectUpdate {
  uint32_t shard = 0;
  Pseudonym subject;
  records::Subject row;
  std::vector<SealedSample> added;
  bool lift_suppression = false;  // new consent was stated
};

// What an erasure takes out of the membership.
struct SubjectRemoval {
  ShardId shard;
  Pseudonym subject;
  std::vector<SampleKey> samples;
};

// A consistent view of one moment. Holds resources of the store: keep it short-lived. Not thread-safe.
// A visitor's error ends the scan and is returned.
class StoreView {
 public:
  virtual ~StoreView() = default;
  // Ascending by pseudonym.
  virtual absl::Status ScanSubjects(
      ShardId shard, const std::function<absl::Status(const Pseudonym&, const records::Subject&)>& visit) = 0;
  // Ascending by pseudonym, then sample key: the order of ScanSubjects. `sealed` is valid during the call only.
  virtual absl::Status ScanSamples(
      ShardId shard,
      const std::function<absl::Status(const Pseudonym&, const SampleKey&, std::string_view sealed)>& visit) = 0;
  // Erasures with a task in this shard that is not retrained yet, ascending.
  virtual absl::StatusOr<std::vector<ErasureSequence>> PendingErasures(ShardId shard) = 0;
};

// The main store: membership, sealed samples, sealed checkpoints, erasures, suppressions. Thread-safe.
// Each writing call is one atomic write. "Synced" ones survive power loss when they return; all others survive the end
// of the process, and power loss after the next synced write or Sync.
//
// The store does not order writers of one row: callers serialize by subject, by shard and by erasure.
//
// Errors everywhere: RESOURCE_EXHAUSTED (DISK_FULL), UNAVAILABLE (STORAGE_UNAVAILABLE), DATA_LOSS (STORAGE_CORRUPT:
// a record that cannot be read, named by its kind, never by its content), PERMISSION_DENIED (DATA_DIR_NOT_WRITABLE).
// A write that failed may turn out, after a reopen, to have been made: whole, and as the last one.
class Store {
 public:
  virtual ~Store() = default;

  // --- models
  virtual absl::Status PutModel(ModelUid uid, const records::Model& model) = 0;               // synced
  virtual absl::StatusOr<std::vector<std::pair<ModelUid, records::Model>>> ListModels() = 0;  // ascending
  virtual absl::StatusOr<ModelUid> NextModelUid() = 0;  // durable: never given twice. Synced
  // The model, its samples, membership, checkpoints. Synced. Erasures stay.
  virtual absl::Status DeleteModel(ModelUid uid) = 0;

  // --- samples and membership
  virtual absl::StatusOr<std::optional<records::Subject>> GetSubject(ShardId shard, const Pseudonym& subject) = 0;
  // Not synced. `model` is written with it, so that ingest_batch moves together with what it counts.
  virtual absl::Status ApplyIngest(ModelUid uid, const records::Model& model,
                                   absl::Span<const SubjectUpdate> updates) = 0;
  virtual std::unique_ptr<StoreView> View() = 0;

  // --- suppressions. In `suppress_in`, model uid 0 (kEveryModel) stands for every model. Consent (lift_suppression)
  // opens the model that it was stated for, and no other, until the next erasure.
  virtual absl::StatusOr<bool> IsSuppressed(ModelUid uid, const Pseudonym& subject) = 0;

  // --- checkpoints
  virtual absl::StatusOr<std::optional<records::Checkpoint>> GetCheckpoint(ShardId shard, uint32_t slice) = 0;
  // The sealed records::CheckpointState; NOT_FOUND when there is none.
  virtual absl::StatusOr<std::string> GetCheckpointState(ShardId shard, uint32_t slice) = 0;
  virtual absl::Status PutCheckpoint(ShardId shard, uint32_t slice, const records::Checkpoint& checkpoint,
                                     std::string_view sealed_state) = 0;
  virtual absl::Status DeleteCheckpoints(ShardId shard, uint32_t first_slice) = 0;  // this and all later ones

  // --- erasures
  // Synced: the erasure, its tasks' pending marks, the removals, the checkpoints that they invalidate (rows only; the
  // keys are the keyring's) and a suppression for each uid in `suppress_in`.
  virtual absl::Status RecordErasure(const records::Erasure& erasure, absl::Span<const SubjectRemoval> removals,
                                     absl::Span<const ModelUid> suppress_in) = 0;
  virtual absl::StatusOr<std::optional<records::Erasure>> FindErasure(std::string_view uuid) = 0;
  virtual absl::StatusOr<std::optional<records::Erasure>> GetErasure(ErasureSequence sequence) = 0;
  // Rewrites the records; pending and open marks follow their tasks and states.
  virtual absl::Status UpdateErasures(absl::Span<const records::Erasure> erasures, bool synced) = 0;
  // Ascending from `first`, until `visit` returns false.
  virtual absl::Status ScanErasures(ErasureSequence first,
                                    const std::function<bool(const records::Erasure&)>& visit) = 0;
  // PENDING and IN_PROGRESS ones, ascending.
  virtual absl::Status ScanOpenErasures(const std::function<bool(const records::Erasure&)>& visit) = 0;
  virtual absl::StatusOr<ErasureSequence> LastErasureSequence() = 0;  // 0: none

  virtual absl::Status Sync() = 0;
};

// Conversions of the declaration; ModelSpecFromRecord fails with DATA_LOSS on what this version cannot have written.
records::ModelSpec ModelSpecToRecord(const ModelSpec& spec);
absl::StatusOr<ModelSpec> ModelSpecFromRecord(const records::ModelSpec& record);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_STORE_H_
