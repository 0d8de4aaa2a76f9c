#include "admin/rotate.h"

#include <memory>

#include "admin/data_dir.h"
#include "base/status_macros.h"
#include "storage/keyring.h"
#include "storage/master_key.h"

namespace expunge {

absl::Status RotateMasterKey(const std::string& data_dir, const std::string& master_key_file) {
  const std::string file = MasterKeyFile(data_dir, master_key_file);
  const std::string next = file + kNextMasterKey;  // that of an interrupted rotation is as good as another
  ASSIGN_OR_RETURN(const std::unique_ptr<Keyring> keyring, OpenKeyring(data_dir, file));
  ASSIGN_OR_RETURN(const std::unique_ptr<MasterKey> new_key, LoadOrCreateMasterKey(next));
  return keyring->Rotate(*new_key, [&] { return ReplaceMasterKey(next, file); });
}

}  // namespace expunge
