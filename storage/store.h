#ifndef EXPUNGE_STORAGE_STORE_H_
#define EXPUNGE_STORAGE_STORE_H_

#include <atomic>
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
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "expunge/storage/v1/records.pb.h"
#include "model/ids.h"
#include "model/spec.h"
#include "storage/backup.h"

namespace expunge {

namespace records = storage::v1;

// A sample as the store keeps it: sealed (DataKey::Seal) with its subject's key.
struct SealedSample {
  SampleKey key;
  std::string sealed;
};

// What changes for one subject: the whole new subject row, the samples that are new in it or sealed anew, and those
// that leave. A row without samples is deleted.
struct SubjectUpdate {
  uint32_t shard = 0;
  Pseudonym subject;
  records::Subject row;
  std::vector<SealedSample> added;
  std::vector<SampleKey> removed;
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
};

// The main store: models, membership, sealed samples, sealed checkpoints. What of it may be used, the keyring says, so
// that it may be older than the keyring. Thread-safe.
// Each writing call is one atomic write. "Synced" ones survive power loss when they return; all others survive the end
// of the process, and power loss after the next synced write or Sync.
//
// The store does not order writers of one row: callers serialize by subject and by shard.
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
  // The model, its samples, membership, checkpoints. Synced.
  virtual absl::Status DeleteModel(ModelUid uid) = 0;

  // --- samples and membership
  virtual absl::StatusOr<std::optional<records::Subject>> GetSubject(ShardId shard, const Pseudonym& subject) = 0;
  // Not synced. `model` is written with it, so that ingest_batch moves together with what it counts.
  virtual absl::Status ApplyIngest(ModelUid uid, const records::Model& model,
                                   absl::Span<const SubjectUpdate> updates) = 0;
  // Not synced. Needs no free space: what leaves makes room. `erasure`: on whose behalf, 0: none; the mark of the
  // keyring is raised to it.
  virtual absl::Status UpdateSubjects(ModelUid uid, absl::Span<const SubjectUpdate> updates,
                                      ErasureSequence erasure = 0) = 0;
  // The sealed sample; NOT_FOUND when there is none.
  virtual absl::StatusOr<std::string> GetSample(ShardId shard, const Pseudonym& subject, const SampleKey& sample) = 0;
  virtual std::unique_ptr<StoreView> View() = 0;

  // --- checkpoints
  virtual absl::StatusOr<std::optional<records::Checkpoint>> GetCheckpoint(ShardId shard, uint32_t slice) = 0;
  // The sealed records::CheckpointState; NOT_FOUND when there is none.
  virtual absl::StatusOr<std::string> GetCheckpointState(ShardId shard, uint32_t slice) = 0;
  virtual absl::Status PutCheckpoint(ShardId shard, uint32_t slice, const records::Checkpoint& checkpoint,
                                     std::string_view sealed_state) = 0;
  virtual absl::Status DeleteCheckpoints(ShardId shard, uint32_t first_slice) = 0;  // this and all later ones

  // --- the keyring that it belongs to; see keyring_match.h
  // nullopt: none yet, the store is new.
  virtual std::optional<records::KeyringMark> GetKeyringMark() const = 0;
  // Takes over what is newer in `mark`, and nothing that is older. Synced.
  virtual absl::Status RaiseKeyringMark(const records::KeyringMark& mark) = 0;

  // --- files
  // Rewrites the rows of samples, membership and checkpoints of these shards and of these models as a whole, so that
  // nothing deleted is left in any file.
  // Waits for the views and reads that began before it, and takes its time: at most `bytes_per_second` (0: no limit).
  // CANCELLED when `cancel` became true; a later call begins anew. One at a time.
  virtual absl::Status Reclaim(absl::Span<const ShardId> shards, absl::Span<const ModelUid> models,
                               uint64_t bytes_per_second, std::atomic<bool>* cancel) = 0;
  // The same for all rows; ends what SetRestored began.
  virtual absl::Status ReclaimEverything(uint64_t bytes_per_second, std::atomic<bool>* cancel) = 0;
  // The store is a backup that was put in place: it has rows that no key opens, of whom no trace tells any more, until
  // everything is reclaimed. Synced. nullopt: it is not, or it was reclaimed.
  virtual absl::Status SetRestored(absl::Time now) = 0;
  virtual absl::StatusOr<std::optional<absl::Time>> GetRestoreTime() const = 0;
  // A copy of the newest state in `directory`, beside older ones; see backup.h.
  virtual absl::StatusOr<BackupInfo> Backup(const std::string& directory) = 0;

  // Reads every file and compares its checksums. DATA_LOSS (STORAGE_CORRUPT).
  virtual absl::Status VerifyChecksums() = 0;

  virtual absl::Status Sync() = 0;
};

// Conversions of the declaration; ModelSpecFromRecord fails with DATA_LOSS on what this version cannot have written.
records::ModelSpec ModelSpecToRecord(const ModelSpec& spec);
absl::StatusOr<ModelSpec> ModelSpecFromRecord(const records::ModelSpec& record);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_STORE_H_
