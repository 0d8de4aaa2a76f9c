#include "storage/rocks_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/write_batch.h"
#include "storage/backup.h"
#include "storage/free_space.h"
#include "storage/keys.h"
#include "storage/read_epochs.h"
#include "storage/record.h"
#include "storage/rocks_database.h"
#include "storage/rocks_files.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"
#include "storage/rocks_view.h"

namespace expunge {
namespace {

constexpr std::string_view kName = "the main store";
constexpr std::string_view kMarkKind = "the mark of the keyring";
constexpr std::string_view kRestoreTimeKind = "the time of the restore";

class RocksStore : public Store {
 public:
  RocksStore(std::unique_ptr<RocksDatabase> database, const RocksStoreOptions& options,
             std::optional<records::KeyringMark> mark)
      : database_(std::move(database)),
        free_space_(database_->get()->GetEnv(), options.path, options.reserved_free_bytes),
        mark_(std::move(mark)) {}

  absl::Status PutModel(ModelUid uid, const records::Model& model) override;
  absl::StatusOr<std::vector<std::pair<ModelUid, records::Model>>> ListModels() override;
  absl::Status DeleteModel(ModelUid uid) override;

  absl::StatusOr<std::optional<records::Subject>> GetSubject(ShardId shard, const Pseudonym& subject) override;
  absl::Status ApplyIngest(ModelUid uid, const records::Model& model, absl::Span<const SubjectUpdate> updates) override;
  absl::Status UpdateSubjects(ModelUid uid, absl::Span<const SubjectUpdate> updates, ErasureSequence erasure) override;
  absl::StatusOr<std::string> GetSample(ShardId shard, const Pseudonym& subject, const SampleKey& sample) override;
  std::unique_ptr<StoreView> View() override { return std::make_unique<RocksView>(database_.get(), &reads_); }

  absl::StatusOr<std::optional<records::Checkpoint>> GetCheckpoint(ShardId shard, uint32_t slice) override;
  absl::StatusOr<std::string> GetCheckpointState(ShardId shard, uint32_t slice) override;
  absl::Status PutCheckpoint(ShardId shard, uint32_t slice, const records::Checkpoint& checkpoint,
                             std::string_view sealed_state) override;
  absl::Status DeleteCheckpoints(ShardId shard, uint32_t first_slice) override;

  std::optional<records::KeyringMark> GetKeyringMark() const override {
    const MutexLock lock(&mark_mutex_);
    return mark_;
  }
  absl::Status RaiseKeyringMark(const records::KeyringMark& mark) override {
    rocksdb::WriteBatch batch;
    return WriteWithMark(&batch, mark, Durability::kPowerLoss, kMarkKind);
  }

  absl::Status Reclaim(absl::Span<const ShardId> shards, absl::Span<const ModelUid> models, uint64_t bytes_per_second,
                       std::atomic<bool>* cancel) override {
    std::vector<KeyRange> ranges;
    for (const ShardId& shard : shards) ranges.push_back(PrefixRange(EncodeShardPrefix(shard)));
    for (const ModelUid model : models) ranges.push_back(PrefixRange(EncodeModelKey(model)));
    return ReclaimRanges(*database_, ranges, bytes_per_second, &reads_, cancel);
  }
  absl::Status ReclaimEverything(uint64_t bytes_per_second, std::atomic<bool>* cancel) override {
    const KeyRange everything;
    RETURN_IF_ERROR(ReclaimRanges(*database_, {&everything, 1}, bytes_per_second, &reads_, cancel));
    rocksdb::WriteBatch batch;
    batch.Delete(family(kDefaultFamily), kRestoreTimeKey);
    return Write(&batch, Durability::kProcessEnd, kRestoreTimeKind);
  }
  absl::Status SetRestored(absl::Time now) override {
    rocksdb::WriteBatch batch;
    batch.Put(family(kDefaultFamily), kRestoreTimeKey, EncodeUint64(static_cast<uint64_t>(absl::ToUnixMicros(now))));
    return Write(&batch, Durability::kPowerLoss, kRestoreTimeKind);
  }
  absl::StatusOr<std::optional<absl::Time>> GetRestoreTime() const override;
  absl::StatusOr<BackupInfo> Backup(const std::string& directory) override {
    return CreateBackup(*database_, directory);
  }

  absl::Status VerifyChecksums() override { return expunge::VerifyChecksums(*database_, kName); }

  absl::Status Sync() override { return database_->Sync(kName); }

 private:
  enum class Durability { kProcessEnd, kPowerLoss };

  rocksdb::ColumnFamilyHandle* family(MainStoreFamily index) const { return database_->family(index); }
  absl::Status Write(rocksdb::WriteBatch* batch, Durability durability, std::string_view kind);
  absl::Status StageCheckpointDeletions(rocksdb::WriteBatch* batch, ShardId shard, uint32_t first_slice);
  void StageSubjects(rocksdb::WriteBatch* batch, ModelUid uid, absl::Span<const SubjectUpdate> updates);

  // `batch`, and with it what is newer in `mark`.
  absl::Status WriteWithMark(rocksdb::WriteBatch* batch, const records::KeyringMark& mark, Durability durability,
                             std::string_view kind);

  const std::unique_ptr<RocksDatabase> database_;
  ReadEpochs reads_;
  FreeSpace free_space_;
  mutable Mutex mark_mutex_;  // held over the write: the row never goes back
  std::optional<records::KeyringMark> mark_ ABSL_GUARDED_BY(mark_mutex_);
};

absl::Status RocksStore::Write(rocksdb::WriteBatch* batch, Durability durability, std::string_view kind) {
  return database_->Write(batch, durability == Durability::kPowerLoss, kind);
}

// --- models

absl::Status RocksStore::PutModel(ModelUid uid, const records::Model& model) {
  rocksdb::WriteBatch batch;
  batch.Put(family(kModels), EncodeModelKey(uid), EncodeRecord(model));
  // A deletion makes room.
  if (!model.deleting()) RETURN_IF_ERROR(free_space_.Admit(batch.GetDataSize()));
  return Write(&batch, Durability::kPowerLoss, "a model");
}

absl::StatusOr<std::vector<std::pair<ModelUid, records::Model>>> RocksStore::ListModels() {
  std::vector<std::pair<ModelUid, records::Model>> models;
  RETURN_IF_ERROR(ScanRows(*database_, kModels, rocksdb::ReadOptions(), KeyRange(), "a model",
                           [&models](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                             auto& [uid, model] = models.emplace_back();
                             if (!DecodeModelKey(key, &uid)) return CorruptStorage("a model", "has a malformed key");
                             RETURN_IF_ERROR(DecodeRecord("a model", value, &model));
                             return true;
                           }));
  return models;
}

absl::Status RocksStore::DeleteModel(ModelUid uid) {
  const KeyRange rows = PrefixRange(EncodeModelKey(uid));
  if (rows.end.empty()) return absl::InternalError("the last model number is never given");
  rocksdb::WriteBatch batch;
  batch.Delete(family(kModels), EncodeModelKey(uid));
  for (const MainStoreFamily index : {kSamples, kMembership, kCheckpoints}) {
    batch.DeleteRange(family(index), rows.begin, rows.end);
  }
  return Write(&batch, Durability::kPowerLoss, "a model");
}

// --- samples and membership

absl::StatusOr<std::optional<records::Subject>> RocksStore::GetSubject(ShardId shard, const Pseudonym& subject) {
  const ReadEpochs::Read read(&reads_);
  return GetRecord<records::Subject>(*database_, kMembership, EncodeSubjectKey(shard, subject), "a subject");
}

void RocksStore::StageSubjects(rocksdb::WriteBatch* batch, ModelUid uid, absl::Span<const SubjectUpdate> updates) {
  for (const SubjectUpdate& update : updates) {
    const ShardId shard{uid, update.shard};
    if (update.row.samples().empty()) {
      batch->Delete(family(kMembership), EncodeSubjectKey(shard, update.subject));
    } else {
      batch->Put(family(kMembership), EncodeSubjectKey(shard, update.subject), EncodeRecord(update.row));
    }
    for (const SampleKey& sample : update.removed) {
      batch->Delete(family(kSamples), EncodeSampleKey(shard, update.subject, sample));
    }
    for (const SealedSample& sample : update.added) {
      batch->Put(family(kSamples), EncodeSampleKey(shard, update.subject, sample.key), FrameSealed(sample.sealed));
    }
  }
}

absl::Status RocksStore::ApplyIngest(ModelUid uid, const records::Model& model,
                                     absl::Span<const SubjectUpdate> updates) {
  rocksdb::WriteBatch batch;
  batch.Put(family(kModels), EncodeModelKey(uid), EncodeRecord(model));
  StageSubjects(&batch, uid, updates);
  RETURN_IF_ERROR(free_space_.Admit(batch.GetDataSize()));
  return Write(&batch, Durability::kProcessEnd, "an ingest batch");
}

absl::Status RocksStore::UpdateSubjects(ModelUid uid, absl::Span<const SubjectUpdate> updates,
                                        ErasureSequence erasure) {
  rocksdb::WriteBatch batch;
  StageSubjects(&batch, uid, updates);
  if (erasure == 0) return batch.Count() == 0 ? absl::OkStatus() : Write(&batch, Durability::kProcessEnd, "a subject");
  records::KeyringMark mark;
  mark.set_newest_erasure(erasure);
  return WriteWithMark(&batch, mark, Durability::kProcessEnd, "a subject");
}

absl::Status RocksStore::WriteWithMark(rocksdb::WriteBatch* batch, const records::KeyringMark& mark,
                                       Durability durability, std::string_view kind) {
  const MutexLock lock(&mark_mutex_);
  records::KeyringMark raised = mark_.value_or(records::KeyringMark());
  if (raised.deployment().empty()) raised.set_deployment(mark.deployment());
  raised.set_generation(std::max(raised.generation(), mark.generation()));
  raised.set_newest_erasure(std::max(raised.newest_erasure(), mark.newest_erasure()));
  batch->Put(family(kDefaultFamily), kKeyringMarkKey, EncodeRecord(raised));
  RETURN_IF_ERROR(Write(batch, durability, kind));
  mark_ = std::move(raised);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<absl::Time>> RocksStore::GetRestoreTime() const {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found,
                   GetRow(*database_, kDefaultFamily, std::string(kRestoreTimeKey), kRestoreTimeKind, &value));
  if (!found) return std::nullopt;
  uint64_t micros = 0;
  if (!DecodeUint64(value.ToStringView(), &micros)) return CorruptStorage(kRestoreTimeKind, "is malformed");
  return absl::FromUnixMicros(static_cast<int64_t>(micros));
}

absl::StatusOr<std::string> RocksStore::GetSample(ShardId shard, const Pseudonym& subject, const SampleKey& sample) {
  const ReadEpochs::Read read(&reads_);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found,
                   GetRow(*database_, kSamples, EncodeSampleKey(shard, subject, sample), "a sample", &value));
  if (!found) return absl::NotFoundError("there is no such sample");
  ASSIGN_OR_RETURN(const std::string_view sealed, UnframeSealed("a sample", value.ToStringView()));
  return std::string(sealed);
}

// --- checkpoints

absl::StatusOr<std::optional<records::Checkpoint>> RocksStore::GetCheckpoint(ShardId shard, uint32_t slice) {
  const ReadEpochs::Read read(&reads_);
  return GetRecord<records::Checkpoint>(*database_, kCheckpoints,
                                        EncodeCheckpointKey(shard, slice, CheckpointPart::kHeader), "a checkpoint");
}

absl::StatusOr<std::string> RocksStore::GetCheckpointState(ShardId shard, uint32_t slice) {
  const ReadEpochs::Read read(&reads_);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found,
                   GetRow(*database_, kCheckpoints, EncodeCheckpointKey(shard, slice, CheckpointPart::kSealedState),
                          "a checkpoint state", &value));
  if (!found) return absl::NotFoundError("there is no such checkpoint");
  ASSIGN_OR_RETURN(const std::string_view sealed, UnframeSealed("a checkpoint state", value.ToStringView()));
  return std::string(sealed);
}

absl::Status RocksStore::PutCheckpoint(ShardId shard, uint32_t slice, const records::Checkpoint& checkpoint,
                                       std::string_view sealed_state) {
  rocksdb::WriteBatch batch;
  batch.Put(family(kCheckpoints), EncodeCheckpointKey(shard, slice, CheckpointPart::kHeader), EncodeRecord(checkpoint));
  batch.Put(family(kCheckpoints), EncodeCheckpointKey(shard, slice, CheckpointPart::kSealedState),
            FrameSealed(sealed_state));
  RETURN_IF_ERROR(free_space_.Admit(batch.GetDataSize()));
  return Write(&batch, Durability::kProcessEnd, "a checkpoint");
}

absl::Status RocksStore::DeleteCheckpoints(ShardId shard, uint32_t first_slice) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(StageCheckpointDeletions(&batch, shard, first_slice));
  return batch.Count() == 0 ? absl::OkStatus() : Write(&batch, Durability::kProcessEnd, "a checkpoint");
}

// Goes from header to header: to step on a state would read it.
absl::Status RocksStore::StageCheckpointDeletions(rocksdb::WriteBatch* batch, ShardId shard, uint32_t first_slice) {
  const ReadEpochs::Read read(&reads_);
  const std::string end = PrefixRange(EncodeShardPrefix(shard)).end;
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> rows((*database_)->NewIterator(options, family(kCheckpoints)));
  rows->Seek(EncodeCheckpointKey(shard, first_slice, CheckpointPart::kHeader));
  while (rows->Valid()) {
    uint32_t slice = 0;
    CheckpointPart part;
    if (!DecodeCheckpointKey(rows->key().ToStringView(), &slice, &part)) {
      return CorruptStorage("a checkpoint", "has a malformed key");
    }
    batch->Delete(family(kCheckpoints), EncodeCheckpointKey(shard, slice, CheckpointPart::kHeader));
    batch->Delete(family(kCheckpoints), EncodeCheckpointKey(shard, slice, CheckpointPart::kSealedState));
    if (slice == std::numeric_limits<uint32_t>::max()) break;
    rows->Seek(EncodeCheckpointKey(shard, slice + 1, CheckpointPart::kHeader));
  }
  return FromRocks(rows->status(), "a checkpoint");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const RocksStoreOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RocksDatabase> database,
                   RocksDatabase::Open(kName, options.path, MainStoreOptions(options.env), MainStoreFamilies()));
  ASSIGN_OR_RETURN(std::optional<records::KeyringMark> mark,
                   GetRecord<records::KeyringMark>(*database, kDefaultFamily, std::string(kKeyringMarkKey), kMarkKind));
  return std::make_unique<RocksStore>(std::move(database), options, std::move(mark));
}

bool DatabaseExists(const std::string& path, rocksdb::Env* env) {
  if (env == nullptr) env = rocksdb::Env::Default();
  return env->FileExists(path + "/CURRENT").ok();
}

}  // namespace expunge
