#include "storage/suppressions.h"

#include "base/status_macros.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"

namespace expunge {
namespace {

constexpr std::string_view kKind = "a suppression";

}  // namespace

absl::StatusOr<bool> IsSuppressed(const RocksDatabase& database, ModelUid uid, const Pseudonym& subject) {
  for (const ModelUid scope : {uid, kEveryModel}) {
    ASSIGN_OR_RETURN(const auto row, GetRecord<records::Suppression>(database, kSuppressions,
                                                                     EncodeSuppressionKey(subject, scope), kKind));
    if (row.has_value()) return row->erasure() != 0;
  }
  return false;
}

absl::Status StageLift(const RocksDatabase& database, ModelUid uid, const Pseudonym& subject,
                       rocksdb::WriteBatch* batch) {
  ASSIGN_OR_RETURN(const bool suppressed, IsSuppressed(database, uid, subject));
  if (!suppressed) return absl::OkStatus();
  batch->Put(database.family(kSuppressions), EncodeSuppressionKey(subject, uid), EncodeRecord(records::Suppression()));
  return absl::OkStatus();
}

absl::Status StageSuppression(const RocksDatabase& database, ModelUid uid, const records::Erasure& erasure,
                              rocksdb::WriteBatch* batch) {
  Pseudonym subject;
  ASSIGN_OR_RETURN(subject, DigestFromBytes(erasure.subject()));
  if (uid == kEveryModel) {
    RETURN_IF_ERROR(ScanRows(database, kSuppressions, rocksdb::ReadOptions(), PrefixRange(AsBytes(subject)), kKind,
                             [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                               batch->Delete(database.family(kSuppressions), key);
                               return true;
                             }));
  }
  records::Suppression row;
  row.set_erasure(erasure.sequence());
  row.set_time_micros(erasure.received_time_micros());
  batch->Put(database.family(kSuppressions), EncodeSuppressionKey(subject, uid), EncodeRecord(row));
  return absl::OkStatus();
}

}  // namespace expunge
