#ifndef EXPUNGE_STORAGE_DURABLE_FILE_H_
#define EXPUNGE_STORAGE_DURABLE_FILE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace expunge {

// Small files that are there whole and on the device, or not at all. Errors of all: RESOURCE_EXHAUSTED (DISK_FULL),
// PERMISSION_DENIED (DATA_DIR_NOT_WRITABLE), UNAVAILABLE (STORAGE_UNAVAILABLE). Messages name the file.

// What errors call the file: its noun in messages, the beginning of their reasons.
struct FileKind {
  std::string_view noun;    // "master key"
  std::string_view reason;  // "MASTER_KEY"
};

// Makes a file of mode 0600. ALREADY_EXISTS (<reason>_EXISTS): never overwrites one.
absl::Status CreateSecretFile(const FileKind& kind, const std::string& file, std::string_view bytes);

// The caller wipes what it gets (OPENSSL_cleanse). FAILED_PRECONDITION: <reason>_MISSING, <reason>_MODE (its group or
// others may use it), <reason>_WRONG (not a regular file, or longer than `max_bytes`). PERMISSION_DENIED:
// <reason>_UNREADABLE.
absl::StatusOr<std::string> ReadSecretFile(const FileKind& kind, const std::string& file, size_t max_bytes);

// What CreateSecretFile left of `file` when it was ended in between: half a secret, or a second name of a whole one.
// Nobody may be making it.
absl::Status RemoveUnfinishedSecretFiles(const FileKind& kind, const std::string& file);

// Puts `file` in the place of `replaced`: after a crash one of the two is there.
absl::Status RenameDurably(const FileKind& kind, const std::string& file, const std::string& replaced);

// Writes the file anew, or for the first time: after a crash it has its old bytes or these. One writer at a time.
absl::Status WriteFileDurably(const FileKind& kind, const std::string& file, std::string_view bytes);
// Nullopt: there is none. FAILED_PRECONDITION (<reason>_WRONG).
absl::StatusOr<std::optional<std::string>> ReadFileIfThere(const FileKind& kind, const std::string& file,
                                                           size_t max_bytes);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_DURABLE_FILE_H_
