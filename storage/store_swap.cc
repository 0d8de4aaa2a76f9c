#include "storage/store_swap.h"

#include <filesystem>
#include <memory>
#include <system_error>

#include "base/error.h"
#include "base/status_macros.h"
#include "rocksdb/env.h"
#include "storage/rocks_status.h"
#include "storage/rocks_store.h"

namespace expunge {
namespace {

constexpr std::string_view kName = "the main store";

absl::Status Remove(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (!error) return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE", path + " cannot be removed: " + error.message());
}

absl::Status Rename(const std::string& from, const std::string& to) {
  return FromRocks(rocksdb::Env::Default()->RenameFile(from, to), kName);
}

absl::Status SyncDirectory(const std::string& path) {
  std::unique_ptr<rocksdb::Directory> directory;
  RETURN_IF_ERROR(FromRocks(rocksdb::Env::Default()->NewDirectory(path, &directory), kName));
  return FromRocks(directory->Fsync(), kName);
}

}  // namespace

absl::Status StoreSwap::Clear() const {
  RETURN_IF_ERROR(Remove(restoring()));
  return DatabaseExists(store()) ? Remove(replaced()) : absl::OkStatus();
}

absl::Status StoreSwap::Swap() const {
  RETURN_IF_ERROR(SyncDirectory(restoring()));
  if (DatabaseExists(store())) {
    RETURN_IF_ERROR(Remove(replaced()));
    RETURN_IF_ERROR(Rename(store(), replaced()));
    RETURN_IF_ERROR(SyncDirectory(data_dir_));
  } else {
    RETURN_IF_ERROR(Remove(store()));
  }
  RETURN_IF_ERROR(Rename(restoring(), store()));
  RETURN_IF_ERROR(SyncDirectory(data_dir_));
  return Remove(replaced());
}

}  // namespace expunge
