#ifndef EXPUNGE_STORAGE_KEYRING_H_
#define EXPUNGE_STORAGE_KEYRING_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/ids.h"
#include "storage/data_key.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace expunge {

// Names one checkpoint's key. A random id per checkpoint, so that a retrain never reuses a destroyed key's place.
using CheckpointKeyId = std::array<uint8_t, 16>;

CheckpointKeyId RandomCheckpointKeyId();

// The keys that decide what may be used: one per subject and model, one per checkpoint, each wrapped by the master key.
// A small RocksDB of its own, so that making a key's death physical is a compaction of kilobytes. Thread-safe.
//
// Durability: what CreateSubjectKeys and CreateCheckpointKey wrote survives the end of the process at once, and power
// loss after Sync. Destroy returns after it is synced. Write errors latch: once a write failed, all later ones fail
// until reopened.
//
// Errors everywhere: RESOURCE_EXHAUSTED (DISK_FULL), UNAVAILABLE (STORAGE_UNAVAILABLE), DATA_LOSS (STORAGE_CORRUPT,
// SEALED_VALUE_CORRUPT), PERMISSION_DENIED (DATA_DIR_NOT_WRITABLE).
class Keyring {
 public:
  struct Options {
    std::string path;             // directory; made when missing
    std::string master_key_file;  // 32 bytes, mode 0600; made when missing and the keyring is new
    rocksdb::Env* env = nullptr;  // default: the operating system; not owned
    bool create = true;           // when there is none
    // A new keyring takes this pepper instead of a random one: two deployments with the same pepper place and order
    // samples alike, and so can be compared bit for bit.
    std::optional<Digest> pepper;
  };

  // FAILED_PRECONDITION: KEYRING_MISSING (there is none, and none is to be made), DATA_DIR_IN_USE (another process has
  // it), DATA_DIR_VERSION (of another format version), MASTER_KEY_MISSING, MASTER_KEY_MODE (readable by others),
  // MASTER_KEY_WRONG (it does not open this keyring). PERMISSION_DENIED: MASTER_KEY_UNREADABLE.
  static absl::StatusOr<std::unique_ptr<Keyring>> Open(const Options& options);
  ~Keyring();

  // Keyed hashes under the deployment's pepper.
  Pseudonym PseudonymOf(std::string_view subject_id) const;
  SampleKey SampleKeyOf(std::string_view subject_id, std::string_view sample_id) const;
  Digest PepperedHash(std::initializer_list<std::string_view> parts) const;  // first part: the purpose

  // One subject's key in one model; nullopt when there is none (never made, or destroyed).
  absl::StatusOr<std::optional<DataKey>> GetSubjectKey(ModelUid model, const Pseudonym& subject) const;
  absl::StatusOr<bool> HasSubjectKey(ModelUid model, const Pseudonym& subject) const;
  // One atomic write. A key that exists already is replaced: callers serialize by subject.
  absl::Status CreateSubjectKeys(ModelUid model, absl::Span<const std::pair<Pseudonym, const DataKey*>> keys);

  absl::StatusOr<std::optional<DataKey>> GetCheckpointKey(ShardId shard, uint32_t slice,
                                                          const CheckpointKeyId& id) const;
  absl::Status CreateCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id, const DataKey& key);

  // What one Destroy takes away. All of it or, after a crash, nothing; repeating it changes nothing.
  struct Destruction {
    std::vector<std::pair<ModelUid, Pseudonym>> subjects;
    struct Checkpoints {
      ShardId shard;
      uint32_t first_slice = 0;  // this one and all later ones
    };
    std::vector<Checkpoints> checkpoints;
    std::vector<ModelUid> models;  // every key of these models
  };
  absl::Status Destroy(const Destruction& destruction);
  // One checkpoint's key alone, for one that turned out not to be valid. Synced.
  absl::Status DestroyCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id);

  absl::Status Sync();

  // Makes every destruction so far physical: flush, forced compaction of the whole keyring, obsolete files and WAL
  // gone.
  absl::Status Purge();

 private:
  struct Impl;
  explicit Keyring(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_KEYRING_H_
