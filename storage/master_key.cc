#include "storage/master_key.h"

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
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

constexpr size_t kKeyBytes = sizeof(Digest);
constexpr size_t kMasterKeyIdBytes = 8;
constexpr char kUnfinished[] = ".unfinished-";  // no name that somebody gives to a copy

absl::Status FromErrno(int error, std::string_view what, const std::string& file) {
  const std::string message = absl::StrCat(ToAbsl(what), " ", file, ": ", std::strerror(error));
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

absl::Status Precondition(std::string_view reason, const std::string& file, std::string_view problem) {
  return Error(absl::StatusCode::kFailedPrecondition, reason,
               absl::StrCat("the master key file ", file, " ", ToAbsl(problem)));
}

absl::Status WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return absl::ErrnoToStatus(errno, "write");
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status SyncDirectoryOf(const std::string& file) {
  const std::filesystem::path parent = std::filesystem::path(file).parent_path();
  const std::string directory = parent.empty() ? std::string(".") : parent.string();
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FromErrno(errno, "cannot open the directory of the master key", directory);
  const bool synced = fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  return synced ? absl::OkStatus() : FromErrno(error, "cannot sync the directory of the master key", directory);
}

class FileMasterKey : public MasterKey {
 public:
  explicit FileMasterKey(DataKey key) : key_(std::move(key)) {}

  std::string id() const override {
    return std::string(AsBytes(key_.Fingerprint({"master key id"})).substr(0, kMasterKeyIdBytes));
  }
  absl::StatusOr<std::string> Wrap(std::string_view place, const DataKey& key) const override {
    return key_.Seal(place, key.bytes());
  }
  absl::StatusOr<DataKey> Unwrap(std::string_view place, std::string_view wrapped) const override {
    ASSIGN_OR_RETURN(std::string bytes, key_.Open(place, wrapped));
    absl::StatusOr<DataKey> key = DataKey::FromBytes(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return key;
  }

 private:
  const DataKey key_;
};

}  // namespace

absl::Status CreateMasterKey(const std::string& file) {
  const DataKey key = DataKey::Random();
  // Through a file of its own name: a crash must not leave a key that is cut short, nor two servers one another's.
  std::string temporary = absl::StrCat(file, kUnfinished, "XXXXXX");
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) return FromErrno(errno, "cannot make the master key", file);
  const auto remove = absl::MakeCleanup([&temporary] { unlink(temporary.c_str()); });
  int error = 0;
  if (!WriteAll(descriptor, key.bytes()).ok() || fsync(descriptor) != 0) error = errno;
  close(descriptor);
  if (error == 0 && link(temporary.c_str(), file.c_str()) != 0) error = errno;
  if (error == EEXIST) {
    return Error(absl::StatusCode::kAlreadyExists, "MASTER_KEY_EXISTS",
                 absl::StrCat("there is a file ", file, " already"));
  }
  if (error != 0) return FromErrno(error, "cannot write the master key", file);
  return SyncDirectoryOf(file);
}

absl::Status RemoveUnfinishedMasterKeys(const std::string& file) {
  const std::filesystem::path path(file);
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::string prefix = path.filename().string();
  std::error_code error;
  bool removed = false;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix + kUnfinished) && !name.starts_with(prefix + kNextMasterKey + kUnfinished)) continue;
    if (unlink(entry.path().c_str()) != 0 && errno != ENOENT) {
      return FromErrno(errno, "cannot remove what was left of a master key,", entry.path().string());
    }
    removed = true;
  }
  return removed ? SyncDirectoryOf(file) : absl::OkStatus();
}

absl::Status ReplaceMasterKey(const std::string& file, const std::string& replaced) {
  if (rename(file.c_str(), replaced.c_str()) != 0) return FromErrno(errno, "cannot replace the master key", replaced);
  return SyncDirectoryOf(replaced);
}

absl::StatusOr<std::unique_ptr<MasterKey>> LoadMasterKey(const std::string& file) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENOENT) {
      return Precondition("MASTER_KEY_MISSING", file, "is missing; without it the keys of this keyring cannot be used");
    }
    if (errno == EACCES || errno == EPERM) {
      return Error(absl::StatusCode::kPermissionDenied, "MASTER_KEY_UNREADABLE",
                   absl::StrCat("the master key file ", file, " may not be read by this user"));
    }
    return FromErrno(errno, "cannot open the master key", file);
  }
  const auto close_it = absl::MakeCleanup([descriptor] { close(descriptor); });

  struct stat attributes;
  if (fstat(descriptor, &attributes) != 0) return FromErrno(errno, "cannot inspect the master key", file);
  if (!S_ISREG(attributes.st_mode)) return Precondition("MASTER_KEY_WRONG", file, "must be a regular file");
  if ((attributes.st_mode & 0077) != 0) {
    return Precondition("MASTER_KEY_MODE", file, "must have mode 0600: its group or others may use it");
  }
  char bytes[kKeyBytes + 1];  // one more, to notice a file that is too long
  const auto wipe = absl::MakeCleanup([&bytes] { OPENSSL_cleanse(bytes, sizeof(bytes)); });
  const ssize_t length = read(descriptor, bytes, sizeof(bytes));
  if (length < 0) return FromErrno(errno, "cannot read the master key", file);
  if (length != kKeyBytes) return Precondition("MASTER_KEY_WRONG", file, "must have exactly 32 bytes");
  ASSIGN_OR_RETURN(DataKey key, DataKey::FromBytes({bytes, kKeyBytes}));
  return std::make_unique<FileMasterKey>(std::move(key));
}

absl::StatusOr<std::unique_ptr<MasterKey>> LoadOrCreateMasterKey(const std::string& file) {
  if (access(file.c_str(), F_OK) != 0 && errno == ENOENT) {
    // Another server may make it at the same time.
    if (absl::Status created = CreateMasterKey(file); !created.ok() && !absl::IsAlreadyExists(created)) return created;
  }
  return LoadMasterKey(file);
}

}  // namespace expunge
