#include "admin/data_dir.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "storage/rocks_store.h"

namespace expunge {
namespace {

absl::Status MustExist(const std::string& data_dir, std::string_view database) {
  std::error_code error;
  if (std::filesystem::exists(absl::StrCat(data_dir, "/", ToAbsl(database), "/CURRENT"), error))
    return absl::OkStatus();
  return Error(absl::StatusCode::kNotFound, "DATA_DIR_MISSING",
               absl::StrCat(data_dir, " is not the data directory of a server: there is no ", ToAbsl(database)));
}

}  // namespace

std::string MasterKeyFile(const std::string& data_dir, const std::string& master_key_file) {
  return master_key_file.empty() ? data_dir + "/master.key" : master_key_file;
}

absl::StatusOr<std::unique_ptr<Keyring>> OpenKeyring(const std::string& data_dir, const std::string& master_key_file) {
  RETURN_IF_ERROR(MustExist(data_dir, "keyring"));
  return Keyring::Open(
      {.path = data_dir + "/keyring", .master_key_file = MasterKeyFile(data_dir, master_key_file), .create = false});
}

absl::StatusOr<DataDir> OpenDataDir(const std::string& data_dir, const std::string& master_key_file) {
  DataDir data;
  ASSIGN_OR_RETURN(data.keyring, OpenKeyring(data_dir, master_key_file));
  RETURN_IF_ERROR(MustExist(data_dir, "store"));
  ASSIGN_OR_RETURN(data.store, OpenRocksStore({.path = data_dir + "/store"}));
  return data;
}

}  // namespace expunge
