#include "storage/rocks_rows.h"

#include <memory>

#include "base/scheduling.h"
#include "rocksdb/db.h"
#include "storage/rocks_status.h"

namespace expunge {

absl::StatusOr<bool> GetRow(const RocksDatabase& database, size_t family, const std::string& key, std::string_view kind,
                            rocksdb::PinnableSlice* value) {
  const rocksdb::Status found = database->Get(rocksdb::ReadOptions(), database.family(family), key, value);
  if (found.IsNotFound()) return false;
  RETURN_IF_ERROR(FromRocks(found, kind));
  return true;
}

absl::Status ScanRows(const RocksDatabase& database, size_t family, const rocksdb::ReadOptions& options,
                      const KeyRange& range, std::string_view kind,
                      const std::function<absl::StatusOr<bool>(std::string_view key, std::string_view value)>& visit) {
  const rocksdb::Slice end(range.end);
  rocksdb::ReadOptions bounded = options;
  if (!range.end.empty()) bounded.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> rows(database->NewIterator(bounded, database.family(family)));
  for (rows->Seek(range.begin); rows->Valid(); rows->Next()) {
    ASSIGN_OR_RETURN(const bool go_on, visit(rows->key().ToStringView(), rows->value().ToStringView()));
    if (!go_on) return absl::OkStatus();
    PauseInBackground();
  }
  return FromRocks(rows->status(), kind);
}

}  // namespace expunge
