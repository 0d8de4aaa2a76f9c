#ifndef EXPUNGE_STORAGE_KEYRING_IMPL_H_
#define EXPUNGE_STORAGE_KEYRING_IMPL_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/keyring.h"
#include "storage/keys.h"
#include "storage/master_key.h"
#include "storage/read_epochs.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/root_keys.h"
#include "storage/suppressions.h"

namespace expunge {

inline constexpr std::string_view kKeyringName = "the keyring";

// Where keys were destroyed since the newest purge. Thread-safe.
class Touched {
 public:
  struct Ranges {
    bool checkpoints = true;                                    // at the start nobody knows
    std::map<std::string, KeyRange> keys = {{"", KeyRange()}};  // one for each kind of key: more would not cost less
  };

  void Add(const std::vector<KeyRange>& keys, bool checkpoints) {
    const MutexLock lock(&mutex_);
    ranges_.checkpoints = ranges_.checkpoints || checkpoints;
    for (const KeyRange& range : keys) {
      if (ranges_.keys.contains("")) break;  // everything, already
      const auto [place, added] = ranges_.keys.try_emplace(range.begin.substr(0, 1), range);
      if (added) continue;
      place->second.begin = std::min(place->second.begin, range.begin);
      place->second.end = std::max(place->second.end, range.end);
    }
  }
  Ranges Take() {
    const MutexLock lock(&mutex_);
    return std::exchange(ranges_, {.checkpoints = false, .keys = {}});
  }
  void PutBack(const Ranges& ranges) {
    std::vector<KeyRange> keys;
    for (const auto& [kind, range] : ranges.keys) keys.push_back(range);
    Add(keys, ranges.checkpoints);
  }

 private:
  Mutex mutex_;
  Ranges ranges_ ABSL_GUARDED_BY(mutex_);
};

struct Keyring::Impl {
  Impl(std::unique_ptr<RocksDatabase> opened, std::unique_ptr<MasterKey> master, RootKeys root_keys,
       DataKey read_pepper, ModelUid last_model, uint64_t last_generation, std::string origin, bool made);

  // A row of kKeys or kCheckpointKeys; `value` keeps a file alive: only inside a read.
  absl::StatusOr<bool> Find(KeyringFamily family, const std::string& place, rocksdb::PinnableSlice* value) const;

  // Once a write has failed, all later ones do.
  absl::Status Write(rocksdb::WriteBatch* batch, bool synced) {
    RETURN_IF_ERROR(Latched());
    return Latch(database->Write(batch, synced, kKeyringName));
  }
  absl::Status Latched() {
    const MutexLock lock(&error_mutex);
    return error;
  }
  absl::Status Latch(absl::Status status) {
    if (status.ok()) return status;
    const MutexLock lock(&error_mutex);
    error.Update(status);
    return status;
  }
  absl::Status WriteDestruction(rocksdb::WriteBatch* batch, const std::vector<KeyRange>& keys, bool checkpoints) {
    return EndDestruction(Write(batch, /*synced=*/true), keys, checkpoints);
  }
  absl::Status EndDestruction(absl::Status written, const std::vector<KeyRange>& keys, bool checkpoints) {
    // Not before the write: a purge that ran between would take the ranges, and flush without the tombstones. Also when
    // the write failed: it may have been made.
    touched.Add(keys, checkpoints);
    return written;
  }

  void PutSubjectKey(ModelUid model, const Pseudonym& subject, const SubjectKey& key, rocksdb::WriteBatch* batch) const;
  absl::StatusOr<SubjectKey> OpenSubjectKey(std::string_view place, std::string_view value) const;
  absl::StatusOr<RekeyPlace> ReadRekey(std::string_view key, std::string_view value,
                                       records::PendingRekey* record) const;
  absl::StatusOr<Rekey> OpenRekey(std::string_view key, std::string_view value) const;

  // Deletes the rows and names them in `traces`, when there are any.
  absl::Status StageSubjectDeath(ModelUid model, const Pseudonym& subject, records::ErasureTraces* traces,
                                 rocksdb::WriteBatch* batch) const;
  absl::Status StageCheckpointDeaths(const Checkpoints& checkpoints, records::ErasureTraces* traces,
                                     rocksdb::WriteBatch* batch) const;

  // What several erasures have in common that are staged into one batch of writes.
  struct Staging {
    std::map<ShardId, uint32_t> dead_from;  // by shard: the first slice whose checkpoints' deaths are in the batch
    std::vector<KeyRange> touched;
  };
  // Everything but the record itself.
  absl::Status StageErasure(const ErasureWrite& write, SuppressionWriter* suppressions, Staging* staging,
                            rocksdb::WriteBatch* batch) const;

  Digest HiddenName(std::string_view purpose, const Pseudonym& subject, std::string_view sample) const;
  Digest SubjectName(const Pseudonym& subject) const { return HiddenName("forgotten subject", subject, {}); }
  Digest SamplesName(const Pseudonym& subject) const { return HiddenName("forgotten samples", subject, {}); }
  Digest SampleName(const Pseudonym& subject, const SampleKey& sample) const {
    return HiddenName("forgotten sample", subject, AsBytes(sample));
  }

  const std::unique_ptr<RocksDatabase> database;
  const std::unique_ptr<MasterKey> master_key;
  RootKeys roots;
  const DataKey pepper;
  const DataKey trace_key;
  const std::string log_origin;
  const bool is_new;

  Mutex model_uid_mutex;
  ModelUid last_model_uid ABSL_GUARDED_BY(model_uid_mutex);

  Mutex generation_mutex;  // held over the write
  uint64_t generation ABSL_GUARDED_BY(generation_mutex);

  Mutex error_mutex;
  absl::Status error ABSL_GUARDED_BY(error_mutex);

  Mutex purge_mutex;  // one purge at a time
  mutable ReadEpochs reads;
  Touched touched;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_KEYRING_IMPL_H_
