#ifndef EXPUNGE_STORAGE_BACKUP_H_
#define EXPUNGE_STORAGE_BACKUP_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace expunge {

class RocksDatabase;

// Backups of the main store, by RocksDB's BackupEngine: files that did not change are shared with older backups in the
// same directory. The keyring is never part of one.

struct BackupInfo {
  uint32_t number = 0;  // from 1
  int64_t time_seconds = 0;
  uint64_t bytes = 0;
};

// Of an open database, beside its users. Durable when it returns. `directory` is made when missing.
// RESOURCE_EXHAUSTED (DISK_FULL), PERMISSION_DENIED (DATA_DIR_NOT_WRITABLE), UNAVAILABLE (STORAGE_UNAVAILABLE).
absl::StatusOr<BackupInfo> CreateBackup(const RocksDatabase& database, const std::string& directory);

// Puts the newest backup (number 0) or the one of this number into the directory `path`, which must not hold a database
// yet. Its checksums are verified first. NOT_FOUND (BACKUP_NOT_FOUND); DATA_LOSS (STORAGE_CORRUPT): a damaged backup.
absl::StatusOr<BackupInfo> RestoreBackup(const std::string& directory, uint32_t number, const std::string& path,
                                         rocksdb::Env* env = nullptr);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_BACKUP_H_
