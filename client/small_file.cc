#include "client/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "client/uuid.h"

namespace expunge {
namespace {

absl::Status FromErrno(int error, std::string_view reason, const std::string& path) {
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (error == ENOENT || error == ENOTDIR) code = absl::StatusCode::kNotFound;
  if (error == EACCES || error == EPERM || error == EROFS) code = absl::StatusCode::kPermissionDenied;
  if (error == EISDIR) code = absl::StatusCode::kInvalidArgument;
  if (error == ENOSPC || error == EDQUOT) code = absl::StatusCode::kResourceExhausted;
  return Error(code, reason, absl::StrCat(path, ": ", std::strerror(error)));
}

absl::Status NotWritten(const std::string& path) { return FromErrno(errno, "FILE_NOT_WRITTEN", path); }

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  return true;
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int directory = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return NotWritten(path);
  const auto close_it = absl::MakeCleanup([directory] { close(directory); });
  return fsync(directory) == 0 ? absl::OkStatus() : NotWritten(path);
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t max_bytes) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FromErrno(errno, "FILE_UNREADABLE", path);
  const auto close_it = absl::MakeCleanup([file] { close(file); });
  std::string bytes(max_bytes + 1, '\0');  // one more tells a file that is too long
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = read(file, bytes.data() + size, bytes.size() - size);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return FromErrno(errno, "FILE_UNREADABLE", path);
    size += static_cast<size_t>(std::max<ssize_t>(count, 0));
  }
  if (size > max_bytes) {
    return Error(absl::StatusCode::kInvalidArgument, "FILE_TOO_LONG",
                 absl::StrCat(path, ": must be at most ", max_bytes, " bytes long"));
  }
  bytes.resize(size);
  return bytes;
}

absl::Status WriteSmallFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = absl::StrCat(path, ".unfinished-", RandomUuid());
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return NotWritten(path);
  auto remove = absl::MakeCleanup([&temporary] { unlink(temporary.c_str()); });
  {
    const auto close_it = absl::MakeCleanup([file] { close(file); });
    if (!WriteAll(file, bytes) || fsync(file) != 0) return NotWritten(path);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return NotWritten(path);
  std::move(remove).Cancel();
  return SyncDirectoryOf(path);
}

}  // namespace expunge
