#ifndef EXPUNGE_STORAGE_LOG_CHECK_H_
#define EXPUNGE_STORAGE_LOG_CHECK_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace expunge {

// RocksDB's WALs and MANIFESTs are sequences of records, each with its length and a checksum. After a loss of power the
// last of them may be incomplete, which is no damage: nobody was told that it is durable. RocksDB alone does not tell
// the two apart: depending on its recovery mode it drops what was acknowledged with the damaged record and without a
// word, or refuses what a loss of power leaves.
enum class LogEnd {
  kWhole,     // every record is what was written
  kCutShort,  // the last one reaches beyond the end of the file
  kZeros,     // from a page boundary inside the last one on there are zeros: its length was written, its bytes were not
  kDamaged,   // a record, or the length of one, is not what was written
};

// `log`: a whole file.
LogEnd EndOfLog(std::string_view log);

// Looks at the WALs and MANIFESTs of the database in the directory `path`, which must not be open. True: a WAL ends
// before its last record does, and is to be replayed up to there. DATA_LOSS (STORAGE_CORRUPT) for damage; the errors of
// rocks_status.h when a file cannot be read. `name` is what messages call the database.
absl::StatusOr<bool> CheckLogs(rocksdb::Env* env, std::string_view name, const std::string& path);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_LOG_CHECK_H_
