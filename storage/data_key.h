#ifndef EXPUNGE_STORAGE_DATA_KEY_H_
#define EXPUNGE_STORAGE_DATA_KEY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/digest.h"

namespace expunge {

// A 256-bit key for AES-256-GCM. Wiped from memory when destroyed. Movable, not copyable; not thread-safe.
class DataKey {
 public:
  static constexpr size_t kNonceBytes = 12;  // with which a sealed value begins

  static DataKey Random();
  static absl::StatusOr<DataKey> FromBytes(std::string_view bytes);

  DataKey(DataKey&& other) noexcept;
  DataKey& operator=(DataKey&& other) noexcept;
  DataKey(const DataKey&) = delete;
  DataKey& operator=(const DataKey&) = delete;
  ~DataKey();

  // nonce (12 random bytes) || ciphertext || tag (16 bytes). `context` is authenticated, not stored (AAD): a value that
  // is moved to another place does not open there.
  std::string Seal(std::string_view context, std::string_view plaintext) const;

  // DATA_LOSS, reason SEALED_VALUE_CORRUPT, when the value was not sealed with this key in this context.
  absl::StatusOr<std::string> Open(std::string_view context, std::string_view sealed) const;

  // A digest of `parts` keyed with a secret derived from this key; it can be neither made nor checked without the key.
  Digest Fingerprint(std::initializer_list<std::string_view> parts) const;

  std::string_view bytes() const { return AsBytes(key_); }

 private:
  explicit DataKey(const Digest& key);

  Digest key_;
  Digest fingerprint_secret_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_DATA_KEY_H_
