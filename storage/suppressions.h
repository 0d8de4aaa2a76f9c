#ifndef EXPUNGE_STORAGE_SUPPRESSIONS_H_
#define EXPUNGE_STORAGE_SUPPRESSIONS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "expunge/storage/v1/records.pb.h"
#include "model/ids.h"
#include "rocksdb/iterator.h"
#include "rocksdb/write_batch.h"
#include "storage/erasure_records.h"
#include "storage/rocks_database.h"

namespace expunge {

// The rows that keep out whom or what was forgotten, each under a name that leads to no other row of the data directory
// (Keyring makes it). A row of one model goes before the row of every model (uid 0), so that consent stated for one
// model opens that one alone: its row then names no erasure.

inline constexpr std::string_view kSuppressionKind = "a suppression";

absl::StatusOr<bool> IsSuppressed(const RocksDatabase& database, ModelUid uid, const Digest& name);

// Consent was stated for this model.
absl::Status StageLift(const RocksDatabase& database, ModelUid uid, const Digest& name, rocksdb::WriteBatch* batch);

// Stages suppressions, many in one batch of writes. The parts are not owned.
class SuppressionWriter {
 public:
  SuppressionWriter(const RocksDatabase* database, rocksdb::WriteBatch* batch) : database_(database), batch_(batch) {}

  // The erasure suppresses the name in this model, or in every model, whatever consent was stated before.
  absl::Status Stage(ModelUid uid, const Digest& name, const records::Erasure& erasure);

 private:
  // Of the rows as they were before the batch: made once, because making one costs more than all else here.
  rocksdb::Iterator& rows();

  const RocksDatabase* const database_;
  rocksdb::WriteBatch* const batch_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_SUPPRESSIONS_H_
