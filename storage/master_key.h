#ifndef EXPUNGE_STORAGE_MASTER_KEY_H_
#define EXPUNGE_STORAGE_MASTER_KEY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/data_key.h"

namespace expunge {

// Wraps the keys of the keyring. Everything that a key management service would take over is behind this class.
// Thread-safe.
//
// A wrapped key is one version byte (1: AES-256-GCM under the key of a file), then DataKey::Seal.
class MasterKey {
 public:
  // Reads 32 bytes from a file that only its owner may use. MASTER_KEY_MISSING, MASTER_KEY_MODE, MASTER_KEY_WRONG
  // (other than 32 bytes), all FAILED_PRECONDITION; PERMISSION_DENIED, MASTER_KEY_UNREADABLE; UNAVAILABLE,
  // STORAGE_UNAVAILABLE.
  static absl::StatusOr<MasterKey> Load(const std::string& file);

  // Like Load; when there is no file, makes one with a random key, whole and synced or not at all. RESOURCE_EXHAUSTED,
  // DISK_FULL; PERMISSION_DENIED, DATA_DIR_NOT_WRITABLE.
  static absl::StatusOr<MasterKey> LoadOrCreate(const std::string& file);

  // `place` is where the wrapped key is kept; it does not unwrap elsewhere.
  std::string Wrap(std::string_view place, std::string_view key) const;
  // DATA_LOSS: SEALED_VALUE_CORRUPT, STORAGE_CORRUPT (a version that this program does not know).
  absl::StatusOr<DataKey> Unwrap(std::string_view place, std::string_view wrapped) const;

 private:
  explicit MasterKey(DataKey key) : key_(std::move(key)) {}

  DataKey key_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_MASTER_KEY_H_
