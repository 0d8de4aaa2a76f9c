#include "storage/durable_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

constexpr char kUnfinished[] = ".unfinished-";  // no name that somebody gives to a copy

absl::Status FromErrno(int error, const FileKind& kind, std::string_view what, const std::string& file) {
  const std::string message =
      absl::StrCat(ToAbsl(what), " the ", ToAbsl(kind.noun), " ", file, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", message);
    case EACCES:
    case EPERM:
    case EROFS:
      return Error(absl::StatusCode::kPermissionDenied, "DATA_DIR_NOT_WRITABLE", message);
    default:
      return Error(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE", message);
  }
}

absl::Status Refuse(absl::StatusCode code, const FileKind& kind, std::string_view reason, const std::string& file,
                    std::string_view problem) {
  return Error(code, absl::StrCat(ToAbsl(kind.reason), ToAbsl(reason)),
               absl::StrCat("the ", ToAbsl(kind.noun), " file ", file, " ", ToAbsl(problem)));
}

int WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written == 0 ? ENOSPC : errno;
    bytes.remove_prefix(written);
  }
  return 0;
}

absl::Status SyncDirectoryOf(const FileKind& kind, const std::string& file) {
  const std::filesystem::path parent = std::filesystem::path(file).parent_path();
  const std::string directory = parent.empty() ? std::string(".") : parent.string();
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FromErrno(errno, kind, "cannot open the directory of", directory);
  const bool synced = fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  return synced ? absl::OkStatus() : FromErrno(error, kind, "cannot sync the directory of", directory);
}

// Writes the bytes beside `file`, synced, then has `place` put them there under its name.
template <typename Place>
int WriteBeside(const std::string& file, std::string_view bytes, const Place& place) {
  // Through a file of its own name: a crash must not leave one that is cut short, nor two servers one another's.
  std::string temporary = absl::StrCat(file, kUnfinished, "XXXXXX");
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) return errno;
  const auto remove = absl::MakeCleanup([&temporary] { unlink(temporary.c_str()); });
  int error = WriteAll(descriptor, bytes);
  if (error == 0 && fsync(descriptor) != 0) error = errno;
  close(descriptor);
  if (error == 0 && place(temporary.c_str()) != 0) error = errno;
  return error;
}

// One byte more than allowed tells a file that is too long.
absl::StatusOr<std::string> ReadUpTo(const FileKind& kind, const std::string& file, int descriptor, size_t max_bytes) {
  std::string bytes(max_bytes + 1, '\0');
  size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t got = read(descriptor, bytes.data() + length, bytes.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno(errno, kind, "cannot read", file);
    if (got == 0) break;
    length += got;
  }
  if (length <= max_bytes) {
    bytes.resize(length);
    return bytes;
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return Refuse(absl::StatusCode::kFailedPrecondition, kind, "_WRONG", file,
                absl::StrCat("must have at most ", max_bytes, " bytes"));
}

}  // namespace

absl::Status CreateSecretFile(const FileKind& kind, const std::string& file, std::string_view bytes) {
  const int error = WriteBeside(file, bytes, [&file](const char* temporary) { return link(temporary, file.c_str()); });
  if (error == EEXIST) return Refuse(absl::StatusCode::kAlreadyExists, kind, "_EXISTS", file, "is there already");
  if (error != 0) return FromErrno(error, kind, "cannot make", file);
  return SyncDirectoryOf(kind, file);
}

absl::Status RemoveUnfinishedSecretFiles(const FileKind& kind, const std::string& file) {
  const std::filesystem::path path(file);
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::string prefix = path.filename().string() + kUnfinished;
  std::error_code error;
  bool removed = false;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    if (unlink(entry.path().c_str()) != 0 && errno != ENOENT) {
      return FromErrno(errno, kind, "cannot remove what was left of", entry.path().string());
    }
    removed = true;
  }
  return removed ? SyncDirectoryOf(kind, file) : absl::OkStatus();
}

absl::Status RenameDurably(const FileKind& kind, const std::string& file, const std::string& replaced) {
  if (rename(file.c_str(), replaced.c_str()) != 0) return FromErrno(errno, kind, "cannot replace", replaced);
  return SyncDirectoryOf(kind, replaced);
}

absl::StatusOr<std::string> ReadSecretFile(const FileKind& kind, const std::string& file, size_t max_bytes) {
  constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENOENT) return Refuse(kRefused, kind, "_MISSING", file, "is missing: put it back");
    if (errno == EACCES || errno == EPERM) {
      return Refuse(absl::StatusCode::kPermissionDenied, kind, "_UNREADABLE", file, "may not be read by this user");
    }
    return FromErrno(errno, kind, "cannot open", file);
  }
  const auto close_it = absl::MakeCleanup([descriptor] { close(descriptor); });
  struct stat attributes;
  if (fstat(descriptor, &attributes) != 0) return FromErrno(errno, kind, "cannot inspect", file);
  if (!S_ISREG(attributes.st_mode)) return Refuse(kRefused, kind, "_WRONG", file, "must be a regular file");
  if ((attributes.st_mode & 0077) != 0) {
    return Refuse(kRefused, kind, "_MODE", file, "must have mode 0600: its group or others may use it");
  }
  return ReadUpTo(kind, file, descriptor, max_bytes);
}

absl::Status WriteFileDurably(const FileKind& kind, const std::string& file, std::string_view bytes) {
  const int error =
      WriteBeside(file, bytes, [&file](const char* temporary) { return rename(temporary, file.c_str()); });
  if (error != 0) return FromErrno(error, kind, "cannot write", file);
  return SyncDirectoryOf(kind, file);
}

absl::StatusOr<std::optional<std::string>> ReadFileIfThere(const FileKind& kind, const std::string& file,
                                                           size_t max_bytes) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) return std::nullopt;
  if (descriptor < 0) return FromErrno(errno, kind, "cannot open", file);
  const auto close_it = absl::MakeCleanup([descriptor] { close(descriptor); });
  ASSIGN_OR_RETURN(std::string bytes, ReadUpTo(kind, file, descriptor, max_bytes));
  return std::optional<std::string>(std::move(bytes));
}

}  // namespace expunge
