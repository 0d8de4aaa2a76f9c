#include "storage/master_key.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/durable_file.h"

namespace expunge {
namespace {

constexpr size_t kKeyBytes = sizeof(Digest);
constexpr size_t kMasterKeyIdBytes = 8;
constexpr FileKind kMasterKeyFile = {"master key", "MASTER_KEY"};

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
  return CreateSecretFile(kMasterKeyFile, file, DataKey::Random().bytes());
}

absl::Status RemoveUnfinishedMasterKeys(const std::string& file) {
  RETURN_IF_ERROR(RemoveUnfinishedSecretFiles(kMasterKeyFile, file));
  return RemoveUnfinishedSecretFiles(kMasterKeyFile, file + kNextMasterKey);
}

absl::Status ReplaceMasterKey(const std::string& file, const std::string& replaced) {
  return RenameDurably(kMasterKeyFile, file, replaced);
}

absl::StatusOr<std::unique_ptr<MasterKey>> LoadMasterKey(const std::string& file) {
  ASSIGN_OR_RETURN(std::string bytes, ReadSecretFile(kMasterKeyFile, file, kKeyBytes));
  const auto wipe = absl::MakeCleanup([&bytes] { OPENSSL_cleanse(bytes.data(), bytes.size()); });
  if (bytes.size() != kKeyBytes) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG",
                 absl::StrCat("the master key file ", file, " must have exactly 32 bytes"));
  }
  ASSIGN_OR_RETURN(DataKey key, DataKey::FromBytes(bytes));
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
