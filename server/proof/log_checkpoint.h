#ifndef EXPUNGE_PROOF_LOG_CHECKPOINT_H_
#define EXPUNGE_PROOF_LOG_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/digest.h"
#include "proof/ed25519.h"
#include "proof/signed_note.h"

namespace expunge {

// The state of a log at one moment, which its signer stands by: https://c2sp.org/tlog-checkpoint. (A model's checkpoint
// is another thing.)
struct LogCheckpoint {
  std::string origin;  // names the log, and the key that signs for it
  uint64_t tree_size = 0;
  Digest root{};
  bool operator==(const LogCheckpoint&) const = default;
};

// Three lines: origin, size, root in base64. Precondition: the origin is a key's name (ValidateKeyName).
std::string FormatLogCheckpoint(const LogCheckpoint& checkpoint);

// INVALID_ARGUMENT, LOG_CHECKPOINT_MALFORMED. Further lines, which others may write, are not looked at.
absl::StatusOr<LogCheckpoint> ParseLogCheckpoint(std::string_view text);

// A note by the key of the origin's name. It must not contradict one that this key signed earlier: the caller knows.
// INVALID_ARGUMENT, KEY_NAME.
absl::StatusOr<std::string> SignLogCheckpoint(const LogCheckpoint& checkpoint, const SigningKey& key);

// What `key` signed. Errors: those of OpenNote and of ParseLogCheckpoint; FAILED_PRECONDITION, LOG_ORIGIN_WRONG, where
// it is another log than that of the key's name.
absl::StatusOr<LogCheckpoint> OpenLogCheckpoint(std::string_view note, const VerifierKey& key);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_LOG_CHECKPOINT_H_
