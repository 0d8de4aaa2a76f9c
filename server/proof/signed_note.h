#ifndef EXPUNGE_PROOF_SIGNED_NOTE_H_
#define EXPUNGE_PROOF_SIGNED_NOTE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proof/ed25519.h"

namespace expunge {

// Notes: text signed with Ed25519, as https://c2sp.org/signed-note has them.

// Who signs, as those know it who verify. In text: name+hex(key id)+base64(0x01 || public key), where
// key id = SHA-256(name || 0x0A || 0x01 || public key)[:4].
struct VerifierKey {
  std::string name;  // nonempty, without spaces and '+'
  std::array<uint8_t, 4> key_id{};
  Ed25519PublicKey public_key{};
  bool operator==(const VerifierKey&) const = default;
};

// INVALID_ARGUMENT, KEY_NAME, unless `name` may be a key's name.
absl::Status ValidateKeyName(std::string_view name);

// Precondition: ValidateKeyName(name).
VerifierKey MakeVerifierKey(std::string_view name, const Ed25519PublicKey& public_key);

std::string FormatVerifierKey(const VerifierKey& key);
// INVALID_ARGUMENT, VERIFIER_KEY_MALFORMED: not exactly what FormatVerifierKey gives, or the key id is not this key's.
absl::StatusOr<VerifierKey> ParseVerifierKey(std::string_view text);

inline constexpr size_t kMaxNoteBytes = 1'000'000;
inline constexpr size_t kMaxNoteSignatures = 100;

// The text, a blank line, and one signature line.
// INVALID_ARGUMENT, NOTE_MALFORMED, unless `text` is UTF-8 that ends in a newline and has no other control characters;
// KEY_NAME.
absl::StatusOr<std::string> SignNote(std::string_view text, std::string_view name, const SigningKey& key);

// The text of a note, once it is known that `key` signed it. Signatures by others are ignored.
// INVALID_ARGUMENT, NOTE_MALFORMED: not a note, or one over the limits. FAILED_PRECONDITION: NOTE_KEY_UNKNOWN (no
// signature by this key), NOTE_SIGNATURE_WRONG (one of this key's does not verify).
absl::StatusOr<std::string> OpenNote(std::string_view note, const VerifierKey& key);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_SIGNED_NOTE_H_
