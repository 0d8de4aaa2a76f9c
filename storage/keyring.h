#ifndef EXPUNGE_STORAGE_KEYRING_H_
#define EXPUNGE_STORAGE_KEYRING_H_

#include <array>
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
#include "storage/data_key.h"
#include "storage/erasure_records.h"
#include "storage/merkle_log.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace expunge {

class MasterKey;

// Names one checkpoint's key. A random id per checkpoint, so that a retrain never reuses a destroyed key's place.
using CheckpointKeyId = std::array<uint8_t, 16>;
CheckpointKeyId RandomCheckpointKeyId();

// Names one of the keys that a subject had in the course of time, in one model; random.
using KeyId = std::array<uint8_t, 8>;

template <size_t size>
std::string_view AsBytes(const std::array<uint8_t, size>& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

// What seals a subject's samples.
struct SubjectKey {
  KeyId id;
  DataKey key;
  static SubjectKey Random();
};

// A subject that keeps some samples, between the record of the erasure and the moment when what it keeps is sealed with
// its new key.
struct RekeyPlace {
  ModelUid model = 0;
  uint32_t shard = 0;
  Pseudonym subject;
  ErasureSequence erasure = 0;
};
struct Rekey : RekeyPlace {
  SubjectKey old_key;
  std::vector<SampleKey> erased;
};

// What decides what may be used, and whom the system has forgotten: the keys (one per subject and model, one per
// checkpoint, each wrapped), the record of every erasure, the suppression list. A RocksDB of its own, which only ever
// exists in its newest state: it is in no backup, so that an older main store beside it resurrects nobody; and making a
// key's death physical is a compaction of a few small files. Thread-safe.
//
// Durability: AdmitSubjects and CreateCheckpointKey survive the end of the process at once, and power loss after Sync.
// Everything that destroys is synced.
//
// Errors everywhere: RESOURCE_EXHAUSTED (DISK_FULL), UNAVAILABLE (STORAGE_UNAVAILABLE), DATA_LOSS (STORAGE_CORRUPT,
// SEALED_VALUE_CORRUPT), PERMISSION_DENIED (DATA_DIR_NOT_WRITABLE). Errors of writes latch: once one failed, all later
// ones fail until the keyring is reopened, where it may turn out to have been made: whole, and as the last one.
class Keyring {
 public:
  struct Options {
    std::string path;             // directory; made when missing
    std::string master_key_file;  // see master_key.h; made when missing and the keyring is new
    rocksdb::Env* env = nullptr;  // default: the operating system; not owned
    bool create = true;           // when there is none
    // A new keyring takes this pepper instead of a random one: two deployments with the same pepper place and order
    // samples alike, and so can be compared bit for bit.
    std::optional<Digest> pepper;
    // The log's name, for good. Empty: the one that it has, or one made from the deployment's. Not empty, without
    // spaces and '+'.
    std::string log_origin;
  };

  // FAILED_PRECONDITION: KEYRING_MISSING (there is none, and none is to be made), DATA_DIR_IN_USE (another process has
  // it), DATA_DIR_VERSION (of another format version), MASTER_KEY_WRONG (it does not open this keyring),
  // LOG_ORIGIN_FIXED (the log has another name), and those of LoadMasterKey.
  static absl::StatusOr<std::unique_ptr<Keyring>> Open(const Options& options);
  ~Keyring();

  // The keyring had to be made.
  bool is_new() const;

  // What a store remembers of this keyring: which deployment's it is, and how new.
  absl::StatusOr<records::KeyringMark> Mark() const;
  // Once at each start of a server, before anything is served: of two copies of one keyring, the one that was not used
  // is the older one from now on. Synced.
  absl::Status BeginGeneration();

  // Keyed hashes under the deployment's pepper.
  Pseudonym PseudonymOf(std::string_view subject_id) const;
  SampleKey SampleKeyOf(std::string_view subject_id, std::string_view sample_id) const;
  Digest PepperedHash(std::initializer_list<std::string_view> parts) const;  // first part: the purpose
  // Under which erasures and the suppression list know a subject: it leads to none of the subject's rows.
  Digest ForgottenName(const Pseudonym& subject) const;

  // Durable: never given twice. Synced.
  absl::StatusOr<ModelUid> NextModelUid();
  ModelUid LastModelUid() const;  // 0: none was given

  // --- keys
  // One subject's key in one model; nullopt when there is none (never made, or destroyed).
  absl::StatusOr<std::optional<SubjectKey>> GetSubjectKey(ModelUid model, const Pseudonym& subject) const;
  absl::StatusOr<std::optional<KeyId>> GetSubjectKeyId(ModelUid model, const Pseudonym& subject) const;

  // Many look-ups of ids in ascending order of subjects, as of the moment when it was made, at a third of the cost.
  // Keep it short-lived: Purge waits for it. Not thread-safe.
  class SubjectCursor {
   public:
    virtual ~SubjectCursor() = default;
    virtual absl::StatusOr<std::optional<KeyId>> Find(const Pseudonym& subject) = 0;
  };
  std::unique_ptr<SubjectCursor> SubjectsOf(ModelUid model) const;

  // What an ingest changes for one subject.
  struct Admission {
    Pseudonym subject;
    const SubjectKey* new_key = nullptr;  // replaces one that there is: callers serialize by subject
    bool consent = false;                 // lifts the suppression of the subject and of these samples
    std::vector<SampleKey> samples;
  };
  // One atomic write.
  absl::Status AdmitSubjects(ModelUid model, absl::Span<const Admission> admissions);

  absl::StatusOr<std::optional<DataKey>> GetCheckpointKey(ShardId shard, uint32_t slice,
                                                          const CheckpointKeyId& id) const;
  absl::Status CreateCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id, const DataKey& key);
  struct Checkpoints {
    ShardId shard;
    uint32_t first_slice = 0;  // this one and all later ones
  };
  absl::Status DestroyCheckpointKeys(const Checkpoints& checkpoints);  // synced
  // All of them; the model is dead from now on. A generation of its own: who brings an older keyring back, with the
  // keys, is refused. Synced.
  absl::Status DestroyModelKeys(ModelUid model, absl::Time now);
  struct DeadModel {
    ModelUid model = 0;
    absl::Time deleted;
    bool reclaimed = false;
  };
  absl::StatusOr<std::vector<DeadModel>> ListDeadModels() const;  // ascending
  // Their rows are in no file any more.
  absl::Status ReclaimedModels(absl::Span<const ModelUid> models);

  // --- suppressions. In `model`, kEveryModel stands for all. Consent opens the model that it was stated for, and no
  // other, until the next erasure.
  struct Suppression {
    bool subject = false;
    bool some_samples = false;  // ask IsSampleSuppressed for each
  };
  absl::StatusOr<Suppression> GetSuppression(ModelUid model, const Pseudonym& subject) const;
  absl::StatusOr<bool> IsSampleSuppressed(ModelUid model, const Pseudonym& subject, const SampleKey& sample) const;

  // --- erasures
  ErasureRecords& erasures() { return *erasures_; }
  const ErasureRecords& erasures() const { return *erasures_; }

  // What an erasure does.
  struct ErasureWrite {
    const records::Erasure* erasure = nullptr;
    Pseudonym subject;
    std::vector<ModelUid> forgotten_in;  // the subject's key dies
    // The subject gets a new key and keeps its other samples: see Rekey. Not while there is a Rekey already.
    struct Partial {
      ModelUid model = 0;
      uint32_t shard = 0;
      const SubjectKey* old_key = nullptr;
      const SubjectKey* new_key = nullptr;
      std::vector<SampleKey> erased;
    };
    std::vector<Partial> partial;
    std::vector<Checkpoints> checkpoints;
    std::vector<ModelUid> suppress_in;  // the subject, or, unless empty, these samples of it
    std::vector<SampleKey> suppress_samples;
    std::vector<std::string> seal_nonces;  // of the samples: for the traces
  };
  // All of it in one atomic synced write, so that an erasure is on record exactly when the keys are dead. No two of
  // one subject.
  // `append`, if any, adds leaves to the log in the same write, and may complete the records.
  absl::Status RecordErasures(absl::Span<const ErasureWrite> writes, const AppendLeaves& append = nullptr);

  // --- the log
  const MerkleLog& log() const { return *log_; }
  const std::string& log_origin() const;
  // What the log has told of something that happens again and again: up to which ingest batch a model was trained, and,
  // for kEveryModel, of which restore (its time in microseconds). 0: of none.
  absl::StatusOr<uint64_t> GetLogMark(ModelUid model) const;
  struct LogMark {
    ModelUid model = kEveryModel;
    uint64_t value = 0;
  };
  // In one synced write with the mark, if there is one: whoever finds it does not tell it again.
  absl::Status AppendToLog(const AppendLeaves& append, const std::optional<LogMark>& mark = std::nullopt);

  // Opens no key.
  absl::StatusOr<std::vector<RekeyPlace>> ListRekeys() const;
  absl::StatusOr<std::optional<Rekey>> GetRekey(ModelUid model, const Pseudonym& subject) const;
  absl::Status FinishRekey(ModelUid model, const Pseudonym& subject);  // the old key dies. Synced

  // What must not be found any more; nullopt: nothing to look for, or reclaimed already.
  absl::StatusOr<std::optional<records::ErasureTraces>> GetTraces(ErasureSequence sequence) const;
  // Erasures that have traces still, ascending from `first`.
  absl::StatusOr<std::vector<ErasureSequence>> ListTraces(ErasureSequence first, size_t limit) const;

  // The error that latched, if one did.
  absl::Status CheckWritable() const;

  absl::Status Sync();

  // Makes every destruction so far physical: flush, forced compaction of what was touched, a new MANIFEST, obsolete
  // files and WAL gone. FAILED_PRECONDITION (KEYRING_HARD_LINKED): one of the files has another name, where destroyed
  // keys would live on.
  absl::Status Purge();
  // The next Purge rewrites everything: something was found that a purge should have taken.
  void TouchEverything();

  // Locks the keyring with another master key: a new root key, every key wrapped anew, the old rows physically gone.
  // `activate` puts the new master key where the next start looks for it; before and after, a crash leaves a keyring
  // that the master key there opens. For offline use: nobody else may write meanwhile.
  absl::Status Rotate(const MasterKey& new_master_key, const std::function<absl::Status()>& activate);

  // Has a key again although it was forgotten, and no consent was stated: somebody put the key back.
  absl::StatusOr<bool> IsRevived(ModelUid model, const Pseudonym& subject) const;

  // For offline checks: the files' checksums; and every key there is, whether it unwraps, and whether its subject is
  // revived; and every suppression, whether it can be read.
  absl::Status VerifyChecksums() const;
  absl::Status VerifyKeys(const std::function<void(absl::Status)>& damaged, uint64_t* subjects,
                          uint64_t* checkpoints) const;

 private:
  struct Impl;
  Keyring(std::unique_ptr<Impl> impl, std::unique_ptr<MerkleLog> log);
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<MerkleLog> log_;
  std::unique_ptr<ErasureRecords> erasures_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_KEYRING_H_
