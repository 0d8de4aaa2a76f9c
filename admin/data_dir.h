#ifndef EXPUNGE_ADMIN_DATA_DIR_H_
#define EXPUNGE_ADMIN_DATA_DIR_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// The files of a server that is stopped; while this lives, it cannot be started.
struct DataDir {
  std::unique_ptr<Keyring> keyring;
  std::unique_ptr<Store> store;
};

// Opens what is there and makes nothing. `master_key_file` empty: DATA_DIR/master.key. NOT_FOUND (DATA_DIR_MISSING);
// FAILED_PRECONDITION (DATA_DIR_IN_USE): the server is running; the errors of Keyring::Open and OpenRocksStore.
absl::StatusOr<std::unique_ptr<Keyring>> OpenKeyring(const std::string& data_dir, const std::string& master_key_file);
absl::StatusOr<DataDir> OpenDataDir(const std::string& data_dir, const std::string& master_key_file);

// The path that an empty `master_key_file` stands for.
std::string MasterKeyFile(const std::string& data_dir, const std::string& master_key_file);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_DATA_DIR_H_
