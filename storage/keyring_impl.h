#ifndef EXPUNGE_STORAGE_KEYRING_IMPL_H_
#define EXPUNGE_STORAGE_KEYRING_IMPL_H_

#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/keyring.h"
#include "storage/keys.h"
#include "storage/master_key.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/root_keys.h"

namespace expunge {

inline constexpr std::string_view kKeyringName = "the keyring";

// Who reads, so that Purge can wait for those who began before it: while they read, the old files live. Thread-safe.
class ReadEpochs {
 public:
  class Read {
   public:
    explicit Read(ReadEpochs* epochs) : epochs_(epochs), epoch_(epochs->Begin()) {}
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    ~Read() { epochs_->End(epoch_); }

   private:
    ReadEpochs* const epochs_;
    const int epoch_;
  };

  // One caller at a time.
  void WaitForEarlier() {
    const MutexLock lock(&mutex_);
    const int earlier = current_;
    current_ = 1 - current_;
    while (reading_[earlier] != 0) ended_.Wait(&mutex_);
  }

 private:
  int Begin() {
    const MutexLock lock(&mutex_);
    ++reading_[current_];
    return current_;
  }

  void End(int epoch) {
    const MutexLock lock(&mutex_);
    if (--reading_[epoch] == 0) ended_.SignalAll();
  }

  Mutex mutex_;
  CondVar ended_;
  int current_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t reading_[2] ABSL_GUARDED_BY(mutex_) = {0, 0};
};

// Which keys were destroyed since the newest purge. Thread-safe.
class TouchedRanges {
 public:
  void Add(std::vector<KeyRange> ranges) {
    const MutexLock lock(&mutex_);
    ranges_.insert(ranges_.end(), std::make_move_iterator(ranges.begin()), std::make_move_iterator(ranges.end()));
    if (ranges_.size() > kMaxRanges) ranges_ = {KeyRange()};
  }
  std::vector<KeyRange> Take() {
    const MutexLock lock(&mutex_);
    return std::exchange(ranges_, {});
  }

 private:
  static constexpr size_t kMaxRanges = 32;  // beyond, one compaction of everything costs less than one each
  Mutex mutex_;
  std::vector<KeyRange> ranges_ ABSL_GUARDED_BY(mutex_) = {KeyRange()};  // at the start nobody knows
};

struct Keyring::Impl {
  Impl(std::unique_ptr<RocksDatabase> opened, std::unique_ptr<MasterKey> master, RootKeys root_keys, DataKey read_pepper,
       ModelUid last_model, bool made);

  // A row of the keys; `value` keeps a file alive: only inside a read.
  absl::StatusOr<bool> Find(const std::string& place, rocksdb::PinnableSlice* value) const;

  absl::Status Write(rocksdb::WriteBatch* batch, bool synced) { return database->Write(batch, synced, kKeyringName); }
  absl::Status WriteDestruction(rocksdb::WriteBatch* batch, std::vector<KeyRange> touched) {
    touched_ranges.Add(std::move(touched));  // also when the write fails: it may have been made
    return Write(batch, /*synced=*/true);
  }

  void PutSubjectKey(ModelUid model, const Pseudonym& subject, const SubjectKey& key, rocksdb::WriteBatch* batch) const;
  absl::StatusOr<SubjectKey> OpenSubjectKey(std::string_view place, std::string_view value) const;
  absl::StatusOr<Rekey> OpenRekey(std::string_view key, std::string_view value) const;

  // Deletes the rows and names them in `traces`, when there are any.
  absl::Status StageSubjectDeath(ModelUid model, const Pseudonym& subject, records::ErasureTraces* traces,
                                 rocksdb::WriteBatch* batch) const;
  absl::Status StageCheckpointDeaths(const Checkpoints& checkpoints, records::ErasureTraces* traces,
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
  const bool is_new;

  Mutex model_uid_mutex;
  ModelUid last_model_uid ABSL_GUARDED_BY(model_uid_mutex);

  Mutex purge_mutex;  // one purge at a time
  mutable ReadEpochs reads;
  TouchedRanges touched_ranges;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_KEYRING_IMPL_H_
