#include "storage/rocks_status.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/string_view.h"

namespace expunge {
namespace {

// RocksDB keeps the text of errno alone.
bool NotPermitted(const std::string& text) {
  return absl::StrContains(text, std::strerror(EACCES)) || absl::StrContains(text, std::strerror(EPERM)) ||
         absl::StrContains(text, std::strerror(EROFS));
}

bool NoSpace(const std::string& text) {
  return absl::StrContains(text, std::strerror(ENOSPC)) || absl::StrContains(text, std::strerror(EDQUOT));
}

// Both wordings of RocksDB's file lock: held by this process, held by another one.
bool LockHeld(const std::string& text) {
  return absl::StrContains(text, "lock hold by current process") || absl::StrContains(text, "While lock file");
}

}  // namespace

absl::Status CorruptStorage(std::string_view kind, std::string_view problem) {
  return Error(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT", absl::StrCat(ToAbsl(kind), " ", ToAbsl(problem)));
}

absl::Status DamagedStorage(std::string_view kind, std::string_view damage) {
  return CorruptStorage(kind, absl::StrCat("cannot be read: ", ToAbsl(damage),
                                           "; check the device of the data directory, then restore the main store from "
                                           "a backup, the keyring from its newest copy"));
}

absl::Status FromRocks(const rocksdb::Status& status, std::string_view kind) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsCorruption()) return DamagedStorage(kind);
  const std::string text = status.ToString();
  if (status.IsNoSpace() || (status.IsIOError() && NoSpace(text))) {
    return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                 absl::StrCat(ToAbsl(kind),
                              " cannot be written: no space is left on the device of the data directory; "
                              "make room there, then restart the server"));
  }
  if (status.IsIOError() && LockHeld(text)) {
    return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_IN_USE",
                 absl::StrCat(ToAbsl(kind), " is in use by another process"));
  }
  if (status.IsIOError() && NotPermitted(text)) {
    return Error(absl::StatusCode::kPermissionDenied, "DATA_DIR_NOT_WRITABLE",
                 absl::StrCat(ToAbsl(kind), " needs a data directory that this user may read and write: ", text));
  }
  return Error(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE",
               absl::StrCat(ToAbsl(kind),
                            " cannot be read or written; check the device of the data directory, and "
                            "restart the server if this goes on: ",
                            text));
}

}  // namespace expunge
