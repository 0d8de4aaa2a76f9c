#include "storage/suppressions.h"

#include "base/status_macros.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"

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

absl::Status StageSuppression(const RocksDatabase& database, ModelUid uid, const Digest& name,
                              const records::Erasure& erasure, rocksdb::WriteBatch* batch) {
  if (uid == kEveryModel) {
    RETURN_IF_ERROR(ScanRows(database, kSuppressions, rocksdb::ReadOptions(), PrefixRange(AsBytes(name)),
                             kSuppressionKind, [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                               batch->Delete(database.family(kSuppressions), key);
                               return true;
                             }));
  }
  records::Suppression row;
  row.set_erasure(erasure.sequence());
  row.set_time_micros(erasure.received_time_micros());
  batch->Put(database.family(kSuppressions), EncodeSuppressionKey(name, uid), EncodeRecord(row));
  return absl::OkStatus();
}

}  // namespace expunge
