#include "storage/rocks_store.h"

#include <limits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/write_batch.h"
#include "storage/free_space.h"
#include "storage/keys.h"
#include "storage/record.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"
#include "storage/rocks_view.h"
#include "storage/suppressions.h"

namespace expunge {
namespace {

constexpr std::string_view kName = "the main store";

bool IsOpen(const records::Erasure& erasure) {
  return erasure.state() == records::Erasure::PENDING || erasure.state() == records::Erasure::IN_PROGRESS;
}

class RocksStore : public Store {
 public:
  RocksStore(std::unique_ptr<RocksDatabase> database, const RocksStoreOptions& options, ModelUid last_model_uid)
      : database_(std::move(database)),
        free_space_(database_->get()->GetEnv(), options.path, options.reserved_free_bytes),
        last_model_uid_(last_model_uid) {}

  absl::Status PutModel(ModelUid uid, const records::Model& model) override;
  absl::StatusOr<std::vector<std::pair<ModelUid, records::Model>>> ListModels() override;
  absl::StatusOr<ModelUid> NextModelUid() override;
  absl::Status DeleteModel(ModelUid uid) override;

  absl::StatusOr<std::optional<records::Subject>> GetSubject(ShardId shard, const Pseudonym& subject) override;
  absl::Status ApplyIngest(ModelUid uid, const records::Model& model, absl::Span<const SubjectUpdate> updates) override;
  std::unique_ptr<StoreView> View() override { return std::make_unique<RocksView>(database_.get()); }

  absl::StatusOr<bool> IsSuppressed(ModelUid uid, const Pseudonym& subject) override;

  absl::StatusOr<std::optional<records::Checkpoint>> GetCheckpoint(ShardId shard, uint32_t slice) override;
  absl::StatusOr<std::string> GetCheckpointState(ShardId shard, uint32_t slice) override;
  absl::Status PutCheckpoint(ShardId shard, uint32_t slice, const records::Checkpoint& checkpoint,
                             std::string_view sealed_state) override;
  absl::Status DeleteCheckpoints(ShardId shard, uint32_t first_slice) override;

  absl::Status RecordErasure(const records::Erasure& erasure, absl::Span<const SubjectRemoval> removals,
                             absl::Span<const ModelUid> suppress_in) override;
  absl::StatusOr<std::optional<records::Erasure>> FindErasure(std::string_view uuid) override;
  absl::StatusOr<std::optional<records::Erasure>> GetErasure(ErasureSequence sequence) override;
  absl::Status UpdateErasures(absl::Span<const records::Erasure> erasures, bool synced) override;
  absl::Status ScanErasures(ErasureSequence first, const std::function<bool(const records::Erasure&)>& visit) override;
  absl::Status ScanOpenErasures(const std::function<bool(const records::Erasure&)>& visit) override;
  absl::StatusOr<ErasureSequence> LastErasureSequence() override;

  absl::Status Sync() override { return FromRocks((*database_)->SyncWAL(), kName); }

 private:
  enum class Durability { kProcessEnd, kPowerLoss };

  rocksdb::ColumnFamilyHandle* family(MainStoreFamily index) const { return database_->family(index); }
  absl::Status Write(rocksdb::WriteBatch* batch, Durability durability, std::string_view kind);
  absl::Status StageCheckpointDeletions(rocksdb::WriteBatch* batch, ShardId shard, uint32_t first_slice);
  void StageErasure(rocksdb::WriteBatch* batch, const records::Erasure& erasure);

  const std::unique_ptr<RocksDatabase> database_;
  FreeSpace free_space_;
  Mutex model_uid_mutex_;
  ModelUid last_model_uid_ ABSL_GUARDED_BY(model_uid_mutex_);
};

absl::Status RocksStore::Write(rocksdb::WriteBatch* batch, Durability durability, std::string_view kind) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kPowerLoss;
  return FromRocks((*database_)->Write(options, batch), kind);
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

absl::StatusOr<ModelUid> RocksStore::NextModelUid() {
  const MutexLock lock(&model_uid_mutex_);
  if (last_model_uid_ == std::numeric_limits<ModelUid>::max()) {
    return absl::ResourceExhaustedError("every model number has been used");
  }
  rocksdb::WriteBatch batch;
  batch.Put(family(kDefaultFamily), kLastModelUidKey, EncodeUint32(last_model_uid_ + 1));
  RETURN_IF_ERROR(Write(&batch, Durability::kPowerLoss, "a model number"));
  return ++last_model_uid_;
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
  return GetRecord<records::Subject>(*database_, kMembership, EncodeSubjectKey(shard, subject), "a subject");
}

absl::Status RocksStore::ApplyIngest(ModelUid uid, const records::Model& model,
                                     absl::Span<const SubjectUpdate> updates) {
  rocksdb::WriteBatch batch;
  batch.Put(family(kModels), EncodeModelKey(uid), EncodeRecord(model));
  for (const SubjectUpdate& update : updates) {
    const ShardId shard{uid, update.shard};
    batch.Put(family(kMembership), EncodeSubjectKey(shard, update.subject), EncodeRecord(update.row));
    for (const SealedSample& sample : update.added) {
      batch.Put(family(kSamples), EncodeSampleKey(shard, update.subject, sample.key), FrameSealed(sample.sealed));
    }
    if (update.lift_suppression) RETURN_IF_ERROR(StageLift(*database_, uid, update.subject, &batch));
  }
  RETURN_IF_ERROR(free_space_.Admit(batch.GetDataSize()));
  return Write(&batch, Durability::kProcessEnd, "an ingest batch");
}

absl::StatusOr<bool> RocksStore::IsSuppressed(ModelUid uid, const Pseudonym& subject) {
  return expunge::IsSuppressed(*database_, uid, subject);
}

// --- checkpoints

absl::StatusOr<std::optional<records::Checkpoint>> RocksStore::GetCheckpoint(ShardId shard, uint32_t slice) {
  return GetRecord<records::Checkpoint>(*database_, kCheckpoints,
                                        EncodeCheckpointKey(shard, slice, CheckpointPart::kHeader), "a checkpoint");
}

absl::StatusOr<std::string> RocksStore::GetCheckpointState(ShardId shard, uint32_t slice) {
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

// --- erasures

void RocksStore::StageErasure(rocksdb::WriteBatch* batch, const records::Erasure& erasure) {
  const auto mark = [&](const std::string& key, bool set) {
    if (set) {
      batch->Put(family(kErasures), key, rocksdb::Slice());
    } else {
      batch->Delete(family(kErasures), key);
    }
  };
  const bool open = IsOpen(erasure);
  batch->Put(family(kErasures), EncodeErasureKey(erasure.sequence()), EncodeRecord(erasure));
  batch->Put(family(kErasures), EncodeErasureUuidKey(erasure.uuid()), EncodeUint64(erasure.sequence()));
  mark(EncodeOpenErasureKey(erasure.sequence()), open);
  for (const records::Erasure::ShardTask& task : erasure.tasks()) {
    mark(EncodePendingTaskKey({task.model(), task.shard()}, erasure.sequence()), open && !task.retrained());
  }
}

absl::Status RocksStore::RecordErasure(const records::Erasure& erasure, absl::Span<const SubjectRemoval> removals,
                                       absl::Span<const ModelUid> suppress_in) {
  rocksdb::WriteBatch batch;
  StageErasure(&batch, erasure);
  for (const SubjectRemoval& removal : removals) {
    batch.Delete(family(kMembership), EncodeSubjectKey(removal.shard, removal.subject));
    for (const SampleKey& sample : removal.samples) {
      batch.Delete(family(kSamples), EncodeSampleKey(removal.shard, removal.subject, sample));
    }
  }
  for (const records::Erasure::ShardTask& task : erasure.tasks()) {
    RETURN_IF_ERROR(StageCheckpointDeletions(&batch, {task.model(), task.shard()}, task.first_slice()));
  }
  for (const ModelUid uid : suppress_in) RETURN_IF_ERROR(StageSuppression(*database_, uid, erasure, &batch));
  return Write(&batch, Durability::kPowerLoss, "an erasure");
}

absl::StatusOr<std::optional<records::Erasure>> RocksStore::GetErasure(ErasureSequence sequence) {
  return GetRecord<records::Erasure>(*database_, kErasures, EncodeErasureKey(sequence), "an erasure");
}

absl::StatusOr<std::optional<records::Erasure>> RocksStore::FindErasure(std::string_view uuid) {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(*database_, kErasures, EncodeErasureUuidKey(uuid), "an erasure", &value));
  if (!found) return std::nullopt;
  ErasureSequence sequence = 0;
  if (!DecodeUint64(value.ToStringView(), &sequence)) return CorruptStorage("an erasure", "has a malformed number");
  ASSIGN_OR_RETURN(auto erasure, GetErasure(sequence));
  if (!erasure.has_value()) return CorruptStorage("an erasure", "is missing, though its name is known");
  return erasure;
}

absl::Status RocksStore::UpdateErasures(absl::Span<const records::Erasure> erasures, bool synced) {
  rocksdb::WriteBatch batch;
  for (const records::Erasure& erasure : erasures) StageErasure(&batch, erasure);
  return Write(&batch, synced ? Durability::kPowerLoss : Durability::kProcessEnd, "an erasure");
}

absl::Status RocksStore::ScanErasures(ErasureSequence first,
                                      const std::function<bool(const records::Erasure&)>& visit) {
  records::Erasure erasure;
  return ScanRows(*database_, kErasures, rocksdb::ReadOptions(), {EncodeErasureKey(first), AllErasures().end},
                  "an erasure", [&](std::string_view, std::string_view value) -> absl::StatusOr<bool> {
                    RETURN_IF_ERROR(DecodeRecord("an erasure", value, &erasure));
                    return visit(erasure);
                  });
}

absl::Status RocksStore::ScanOpenErasures(const std::function<bool(const records::Erasure&)>& visit) {
  return ScanRows(*database_, kErasures, rocksdb::ReadOptions(), AllOpenErasures(), "an erasure",
                  [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                    ErasureSequence sequence = 0;
                    if (!DecodeTrailingSequence(key, &sequence))
                      return CorruptStorage("an erasure", "has a malformed key");
                    ASSIGN_OR_RETURN(const auto erasure, GetErasure(sequence));
                    if (!erasure.has_value()) return CorruptStorage("an erasure", "is missing, though it is open");
                    return !IsOpen(*erasure) || visit(*erasure);  // it may have been closed since the scan began
                  });
}

absl::StatusOr<ErasureSequence> RocksStore::LastErasureSequence() {
  const KeyRange all = AllErasures();
  const rocksdb::Slice begin(all.begin), end(all.end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &begin;
  options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> rows((*database_)->NewIterator(options, family(kErasures)));
  rows->SeekToLast();
  RETURN_IF_ERROR(FromRocks(rows->status(), "an erasure"));
  ErasureSequence sequence = 0;
  if (rows->Valid() && !DecodeTrailingSequence(rows->key().ToStringView(), &sequence)) {
    return CorruptStorage("an erasure", "has a malformed key");
  }
  return sequence;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const RocksStoreOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RocksDatabase> database,
                   RocksDatabase::Open(kName, options.path, MainStoreOptions(options.env), MainStoreFamilies()));
  std::string value;
  ModelUid last_model_uid = 0;
  const rocksdb::Status found = (*database)->Get(rocksdb::ReadOptions(), kLastModelUidKey, &value);
  if (!found.IsNotFound()) {
    RETURN_IF_ERROR(FromRocks(found, kName));
    if (!DecodeUint32(value, &last_model_uid)) return CorruptStorage("the last model number", "is malformed");
  }
  return std::make_unique<RocksStore>(std::move(database), options, last_model_uid);
}

}  // namespace expunge
