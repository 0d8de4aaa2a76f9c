#ifndef EXPUNGE_STORAGE_ROCKS_ROWS_H_
#define EXPUNGE_STORAGE_ROCKS_ROWS_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "rocksdb/slice.h"
#include "storage/keys.h"
#include "storage/record.h"
#include "storage/rocks_database.h"

namespace expunge {

// Reading of rows. `family` is a MainStoreFamily, `kind` names the record in errors.

// False when there is no such row.
absl::StatusOr<bool> GetRow(const RocksDatabase& database, size_t family, const std::string& key, std::string_view kind,
                            rocksdb::PinnableSlice* value);

template <typename Record>
absl::StatusOr<std::optional<Record>> GetRecord(const RocksDatabase& database, size_t family, const std::string& key,
                                                std::string_view kind) {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(database, family, key, kind, &value));
  if (!found) return std::nullopt;
  Record record;
  RETURN_IF_ERROR(DecodeRecord(kind, value.ToStringView(), &record));
  return std::optional<Record>(std::move(record));
}

// In order, until `visit` returns false or an error, which is returned.
absl::Status ScanRows(const RocksDatabase& database, size_t family, const rocksdb::ReadOptions& options,
                      const KeyRange& range, std::string_view kind,
                      const std::function<absl::StatusOr<bool>(std::string_view key, std::string_view value)>& visit);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_ROWS_H_
