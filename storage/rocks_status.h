#ifndef EXPUNGE_STORAGE_ROCKS_STATUS_H_
#define EXPUNGE_STORAGE_ROCKS_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "rocksdb/status.h"

namespace expunge {

// RocksDB's errors as the storage headers promise them:
//   no space                         RESOURCE_EXHAUSTED   DISK_FULL
//   corruption                       DATA_LOSS            STORAGE_CORRUPT
//   permission, read-only medium     PERMISSION_DENIED    DATA_DIR_NOT_WRITABLE
//   the lock is held (opening)       FAILED_PRECONDITION  DATA_DIR_IN_USE
//   anything else                    UNAVAILABLE          STORAGE_UNAVAILABLE
// `kind` says what was read or written ("a sample", "the keyring"). Each says what to do about it. RocksDB's own words
// are passed on for errors of files, which name the file, and never for a corruption, which may quote a key.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view kind);

// DATA_LOSS, STORAGE_CORRUPT: "<kind> <problem>".
absl::Status CorruptStorage(std::string_view kind, std::string_view problem);
// The same for what a device gave back wrong: "<kind> cannot be read: <damage>; <what to do>".
absl::Status DamagedStorage(std::string_view kind, std::string_view damage = "the stored bytes are damaged");

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_STATUS_H_
