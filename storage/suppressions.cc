#include "storage/suppressions.h"

#include "base/status_macros.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"

namespace expunge {

absl::StatusOr<bool> IsSuppressed(const RocksDatabase& database, ModelUid uid, const Digest& name) {
  for (const ModelUid scope : {uid, kEveryModel}) {
    ASSIGN_OR_RETURN(const auto row, GetRecord<records::Suppression>(
                                         database, kSuppressions, EncodeSuppressionKey(name, scope), kSuppressionKind));
    if (row.has_value()) return row->erasure() != 0;
  }
  return false;
}

absl::Status StageLift(const RocksDatabase& database, ModelUid uid, const Digest& name, rocksdb::WriteBatch* batch) {
  ASSIGN_OR_RETURN(const bool suppressed, IsSuppressed(database, uid, name));
  if (!suppressed) return absl::OkStatus();
  batch->Put(database.family(kSuppressions), EncodeSuppressionKey(name, uid), EncodeRecord(records::Suppression()));
  return absl::OkStatus();
}

rocksdb::Iterator& SuppressionWriter::rows() {
  if (rows_ == nullptr) {
    rows_.reset((*database_)->NewIterator(rocksdb::ReadOptions(), database_->family(kSuppressions)));
  }
  return *rows_;
}

absl::Status SuppressionWriter::Stage(ModelUid uid, const Digest& name, const records::Erasure& erasure) {
  if (uid == kEveryModel) {
    const rocksdb::Slice prefix(AsBytes(name));
    for (rows().Seek(prefix); rows().Valid() && rows().key().starts_with(prefix); rows().Next()) {
      batch_->Delete(database_->family(kSuppressions), rows().key());
    }
    RETURN_IF_ERROR(FromRocks(rows().status(), kSuppressionKind));
  }
  records::Suppression row;
  row.set_erasure(erasure.sequence());
  row.set_time_micros(erasure.received_time_micros());
  batch_->Put(database_->family(kSuppressions), EncodeSuppressionKey(name, uid), EncodeRecord(row));
  return absl::OkStatus();
}

}  // namespace expunge
