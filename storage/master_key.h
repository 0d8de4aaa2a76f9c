#ifndef EXPUNGE_STORAGE_MASTER_KEY_H_
#define EXPUNGE_STORAGE_MASTER_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/data_key.h"

namespace expunge {

// What opens a keyring: it wraps the root key, which wraps all others, and so is used once at each start. The seam for
// a key management service, where Wrap and Unwrap are calls to it. Thread-safe.
class MasterKey {
 public:
  virtual ~MasterKey() = default;

  // Names the key; 8 bytes, no secret, another for each key.
  virtual std::string id() const = 0;

  // `place` is where the wrapped key is kept; it does not unwrap elsewhere.
  virtual absl::StatusOr<std::string> Wrap(std::string_view place, const DataKey& key) const = 0;
  // DATA_LOSS, SEALED_VALUE_CORRUPT: wrapped by another key, for another place, or damaged.
  virtual absl::StatusOr<DataKey> Unwrap(std::string_view place, std::string_view wrapped) const = 0;
};

// 32 bytes in a file of mode 0600.
//
// FAILED_PRECONDITION: MASTER_KEY_MISSING, MASTER_KEY_MODE (its group or others may use it), MASTER_KEY_WRONG (not a
// regular file of 32 bytes). PERMISSION_DENIED: MASTER_KEY_UNREADABLE.
absl::StatusOr<std::unique_ptr<MasterKey>> LoadMasterKey(const std::string& file);

// Makes a file with a random key, whole and synced or not at all. ALREADY_EXISTS (MASTER_KEY_EXISTS): never overwrites
// one. RESOURCE_EXHAUSTED, DISK_FULL; PERMISSION_DENIED, DATA_DIR_NOT_WRITABLE.
absl::Status CreateMasterKey(const std::string& file);

// Like LoadMasterKey, but makes a missing file first.
absl::StatusOr<std::unique_ptr<MasterKey>> LoadOrCreateMasterKey(const std::string& file);

// What a rotation calls the key that is to take the place of `file`.
inline constexpr char kNextMasterKey[] = ".next";

// What CreateMasterKey left of `file`, or of the next one, when it was ended in between: half a key, or a second name
// of a whole one. Nobody may be making either. PERMISSION_DENIED, DATA_DIR_NOT_WRITABLE.
absl::Status RemoveUnfinishedMasterKeys(const std::string& file);

// Puts `file` in the place of `replaced`, durably: after a crash one of the two is there.
absl::Status ReplaceMasterKey(const std::string& file, const std::string& replaced);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_MASTER_KEY_H_
