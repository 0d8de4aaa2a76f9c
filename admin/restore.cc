#include "admin/restore.h"

#include <memory>

#include "admin/data_dir.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/keyring.h"

namespace expunge {

absl::StatusOr<BackupInfo> Restore(const RestoreOptions& options) {
  // Held until the store is in place: no server can start meanwhile.
  ASSIGN_OR_RETURN(const std::unique_ptr<Keyring> keyring, OpenKeyring(options.data_dir, options.master_key_file));
  return RestoreBackup(options.backup_dir, options.number, options.data_dir + "/store");
}

}  // namespace expunge
