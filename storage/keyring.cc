#include "storage/keyring.h"

#include <openssl/rand.h>

#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/transaction_log.h"
#include "rocksdb/write_batch.h"
#include "storage/keys.h"
#include "storage/master_key.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr std::string_view kName = "the keyring";

enum class Durability { kProcessEnd, kPowerLoss };

rocksdb::WriteOptions OptionsFor(Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kPowerLoss;
  return options;
}

absl::StatusOr<bool> IsEmpty(const RocksDatabase& database) {
  const std::unique_ptr<rocksdb::Iterator> iterator(database->NewIterator(rocksdb::ReadOptions()));
  iterator->SeekToFirst();
  while (iterator->Valid() && iterator->key() == rocksdb::Slice(kFormatKey)) iterator->Next();
  RETURN_IF_ERROR(FromRocks(iterator->status(), kName));
  return !iterator->Valid();
}

absl::StatusOr<DataKey> MakePepper(const RocksDatabase& database, const MasterKey& master_key,
                                   const std::optional<Digest>& chosen) {
  DataKey pepper = DataKey::Random();
  if (chosen.has_value()) {
    ASSIGN_OR_RETURN(pepper, DataKey::FromBytes(AsBytes(*chosen)));
  }
  RETURN_IF_ERROR(FromRocks(
      database->Put(OptionsFor(Durability::kPowerLoss), kPepperKey, master_key.Wrap(kPepperKey, pepper.bytes())),
      kName));
  return pepper;
}

absl::StatusOr<DataKey> ReadPepper(std::string_view wrapped, const MasterKey& master_key,
                                   const std::string& master_key_file) {
  absl::StatusOr<DataKey> pepper = master_key.Unwrap(kPepperKey, wrapped);
  if (ReasonOf(pepper.status()) == "SEALED_VALUE_CORRUPT") {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG",
                 absl::StrCat("the master key file ", master_key_file, " does not open this keyring"));
  }
  return pepper;
}

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

}  // namespace

CheckpointKeyId RandomCheckpointKeyId() {
  CheckpointKeyId id;
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1) std::abort();
  return id;
}

struct Keyring::Impl {
  Impl(std::unique_ptr<RocksDatabase> opened, MasterKey unlocked, DataKey read_pepper)
      : database(std::move(opened)), master_key(std::move(unlocked)), pepper(std::move(read_pepper)) {}

  // `wrapped` keeps a file alive: only inside a read.
  absl::StatusOr<bool> Find(const std::string& place, rocksdb::PinnableSlice* wrapped) {
    const rocksdb::Status found =
        (*database)->Get(rocksdb::ReadOptions(), database->family(kDefaultFamily), place, wrapped);
    if (found.IsNotFound()) return false;
    RETURN_IF_ERROR(FromRocks(found, kName));
    return true;
  }

  absl::StatusOr<std::optional<DataKey>> Read(const std::string& place) {
    const ReadEpochs::Read read(&reads);
    rocksdb::PinnableSlice wrapped;
    ASSIGN_OR_RETURN(const bool found, Find(place, &wrapped));
    if (!found) return std::nullopt;
    ASSIGN_OR_RETURN(DataKey key, master_key.Unwrap(place, wrapped.ToStringView()));
    return std::optional<DataKey>(std::move(key));
  }

  absl::Status Write(rocksdb::WriteBatch* batch, Durability durability) {
    RETURN_IF_ERROR(Latched());
    return Latch(FromRocks((*database)->Write(OptionsFor(durability), batch), kName));
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

  void Put(rocksdb::WriteBatch* batch, const std::string& place, const DataKey& key) const {
    batch->Put(place, master_key.Wrap(place, key.bytes()));
  }

  absl::Status DeleteCheckpoints(rocksdb::WriteBatch* batch, ShardId shard, uint32_t first_slice) {
    const ReadEpochs::Read read(&reads);
    const KeyRange range = CheckpointDataKeysFrom(shard, first_slice);
    const rocksdb::Slice end(range.end);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> iterator((*database)->NewIterator(options));
    for (iterator->Seek(range.begin); iterator->Valid(); iterator->Next()) batch->Delete(iterator->key());
    return FromRocks(iterator->status(), kName);
  }

  const std::unique_ptr<RocksDatabase> database;
  const MasterKey master_key;
  const DataKey pepper;

  Mutex purge_mutex;  // one purge at a time
  ReadEpochs reads;
  Mutex error_mutex;
  absl::Status error ABSL_GUARDED_BY(error_mutex);
};

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(const Options& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RocksDatabase> database,
                   RocksDatabase::Open(kName, options.path, KeyringOptions(options.env), KeyringFamilies()));
  // The database's lock is held from here on: nobody else makes the same master key.
  std::string wrapped;
  const rocksdb::Status found = (*database)->Get(rocksdb::ReadOptions(), kPepperKey, &wrapped);
  if (!found.IsNotFound()) {
    RETURN_IF_ERROR(FromRocks(found, kName));
    ASSIGN_OR_RETURN(MasterKey master_key, MasterKey::Load(options.master_key_file));
    ASSIGN_OR_RETURN(DataKey pepper, ReadPepper(wrapped, master_key, options.master_key_file));
    return std::unique_ptr<Keyring>(
        new Keyring(std::make_unique<Impl>(std::move(database), std::move(master_key), std::move(pepper))));
  }
  ASSIGN_OR_RETURN(const bool empty, IsEmpty(*database));
  if (!empty) return CorruptStorage(kName, "cannot be opened: it has keys, but its pepper is missing");
  if (!options.create) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "KEYRING_MISSING",
        "the keyring is missing, without which nothing that is stored can be read: put the directory keyring back");
  }
  ASSIGN_OR_RETURN(MasterKey master_key, MasterKey::LoadOrCreate(options.master_key_file));
  ASSIGN_OR_RETURN(DataKey pepper, MakePepper(*database, master_key, options.pepper));
  return std::unique_ptr<Keyring>(
      new Keyring(std::make_unique<Impl>(std::move(database), std::move(master_key), std::move(pepper))));
}

Keyring::Keyring(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Keyring::~Keyring() = default;

Pseudonym Keyring::PseudonymOf(std::string_view subject_id) const { return PepperedHash({"subject", subject_id}); }

SampleKey Keyring::SampleKeyOf(std::string_view subject_id, std::string_view sample_id) const {
  const Digest digest = PepperedHash({"sample", subject_id, sample_id});
  SampleKey key;
  std::memcpy(key.data(), digest.data(), key.size());
  return key;
}

Digest Keyring::PepperedHash(std::initializer_list<std::string_view> parts) const {
  return KeyedHash(impl_->pepper.bytes(), parts);
}

absl::StatusOr<std::optional<DataKey>> Keyring::GetSubjectKey(ModelUid model, const Pseudonym& subject) const {
  return impl_->Read(EncodeSubjectDataKeyKey(model, subject));
}

absl::StatusOr<bool> Keyring::HasSubjectKey(ModelUid model, const Pseudonym& subject) const {
  const ReadEpochs::Read read(&impl_->reads);
  rocksdb::PinnableSlice wrapped;
  ASSIGN_OR_RETURN(const bool found, impl_->Find(EncodeSubjectDataKeyKey(model, subject), &wrapped));
  return found;
}

absl::Status Keyring::CreateSubjectKeys(ModelUid model, absl::Span<const std::pair<Pseudonym, const DataKey*>> keys) {
  rocksdb::WriteBatch batch;
  for (const auto& [subject, key] : keys) impl_->Put(&batch, EncodeSubjectDataKeyKey(model, subject), *key);
  return impl_->Write(&batch, Durability::kProcessEnd);
}

absl::StatusOr<std::optional<DataKey>> Keyring::GetCheckpointKey(ShardId shard, uint32_t slice,
                                                                 const CheckpointKeyId& id) const {
  return impl_->Read(EncodeCheckpointDataKeyKey(shard, slice, id));
}

absl::Status Keyring::CreateCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id,
                                          const DataKey& key) {
  rocksdb::WriteBatch batch;
  impl_->Put(&batch, EncodeCheckpointDataKeyKey(shard, slice, id), key);
  return impl_->Write(&batch, Durability::kProcessEnd);
}

absl::Status Keyring::Destroy(const Destruction& destruction) {
  rocksdb::WriteBatch batch;
  for (const auto& [model, subject] : destruction.subjects) batch.Delete(EncodeSubjectDataKeyKey(model, subject));
  for (const Destruction::Checkpoints& checkpoints : destruction.checkpoints) {
    RETURN_IF_ERROR(impl_->DeleteCheckpoints(&batch, checkpoints.shard, checkpoints.first_slice));
  }
  for (const ModelUid model : destruction.models) {
    for (const KeyRange& range : {SubjectDataKeysOf(model), CheckpointDataKeysOf(model)}) {
      batch.DeleteRange(range.begin, range.end);
    }
  }
  return impl_->Write(&batch, Durability::kPowerLoss);
}

absl::Status Keyring::DestroyCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id) {
  rocksdb::WriteBatch batch;
  batch.Delete(EncodeCheckpointDataKeyKey(shard, slice, id));
  return impl_->Write(&batch, Durability::kPowerLoss);
}

absl::Status Keyring::Sync() {
  RETURN_IF_ERROR(impl_->Latched());
  return impl_->Latch(FromRocks((*impl_->database)->SyncWAL(), kName));
}

absl::Status Keyring::Purge() {
  const MutexLock lock(&impl_->purge_mutex);
  RETURN_IF_ERROR(impl_->Latched());
  rocksdb::DB* const db = impl_->database->get();
  // A flush ends the WAL in use; the compaction leaves behind what was deleted, also in the lowest level.
  RETURN_IF_ERROR(FromRocks(db->Flush(rocksdb::FlushOptions()), kName));
  CrashPoint("purge_flushed");
  rocksdb::CompactRangeOptions whole;
  whole.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  RETURN_IF_ERROR(FromRocks(db->CompactRange(whole, nullptr, nullptr), kName));
  CrashPoint("purge_compacted");

  impl_->reads.WaitForEarlier();
  // The files that this made obsolete may still be on their way out in a background thread. With deletions disabled,
  // listing the WALs waits for that, and enabling deletions takes away all that is left.
  RETURN_IF_ERROR(FromRocks(db->DisableFileDeletions(), kName));
  rocksdb::VectorLogPtr logs;
  const rocksdb::Status listed = db->GetSortedWalFiles(logs);
  const rocksdb::Status enabled = db->EnableFileDeletions(/*force=*/false);
  RETURN_IF_ERROR(FromRocks(listed, kName));
  RETURN_IF_ERROR(FromRocks(enabled, kName));
  // Until the directory is synced, a loss of power may bring a file back that was deleted.
  std::unique_ptr<rocksdb::Directory> directory;
  RETURN_IF_ERROR(FromRocks(db->GetEnv()->NewDirectory(db->GetName(), &directory), kName));
  RETURN_IF_ERROR(FromRocks(directory->Fsync(), kName));
  CrashPoint("purge_files_gone");
  return absl::OkStatus();
}

}  // namespace expunge
