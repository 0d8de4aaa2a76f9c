#ifndef EXPUNGE_ADMIN_RESTORE_H_
#define EXPUNGE_ADMIN_RESTORE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/backup.h"

namespace expunge {

struct RestoreOptions {
  std::string data_dir;  // with its present keyring, of a server that is stopped
  std::string master_key_file;
  std::string backup_dir;
  uint32_t number = 0;  // 0: the newest
};

struct RestoreReport {
  BackupInfo backup;
  // There was a store, and it could be read: the keyring is not older than what was served last.
  bool compared = false;
};

// Puts a backup of the main store beside the present keyring, in place of what is there. The next start reconciles the
// two: who was forgotten since stays forgotten. The backup is made ready beside the store and takes its place when it
// is whole, so that both need room; a call that was cut short leaves the old store, or none, and a repeated one mends.
//
// The keyring is compared with the present store, where it can be read, and with the backup, before anything is
// replaced: the errors of CheckKeyringMatches. KEYRING_MISSING as NOT_FOUND (DATA_DIR_MISSING): a backup alone is
// ciphertext that nobody can read; the errors of RestoreBackup and of Keyring::Open.
absl::StatusOr<RestoreReport> Restore(const RestoreOptions& options);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_RESTORE_H_
