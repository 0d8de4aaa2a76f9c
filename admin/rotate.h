#ifndef EXPUNGE_ADMIN_ROTATE_H_
#define EXPUNGE_ADMIN_ROTATE_H_

#include <string>

#include "absl/status/status.h"

namespace expunge {

// Locks the keyring of a stopped server with a new master key, which takes the place of the file. Every key is wrapped
// anew, no sample is touched. An interrupted call is finished by the next one, and a server started in between finds a
// keyring that the file opens. The errors of Keyring::Open and of CreateMasterKey.
absl::Status RotateMasterKey(const std::string& data_dir, const std::string& master_key_file);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_ROTATE_H_
