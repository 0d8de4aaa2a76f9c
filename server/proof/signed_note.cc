#include "proof/signed_note.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

constexpr char kEd25519Type = 1;
constexpr std::string_view kSignaturePrefix = "\u2014 ";

absl::Status MalformedNote(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "NOTE_MALFORMED", message);
}

absl::Status MalformedKey(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "VERIFIER_KEY_MALFORMED", message);
}

std::string_view IdBytes(const VerifierKey& key) {
  return {reinterpret_cast<const char*>(key.key_id.data()), key.key_id.size()};
}

std::string TypeAndKey(const Ed25519PublicKey& key) {
  return absl::StrCat(std::string(1, kEd25519Type), ToAbsl(AsBytes(key)));
}

struct NoteSignature {
  std::string_view name;
  std::string bytes;  // key id || signature

  bool IsBy(const VerifierKey& key) const { return name == key.name && bytes.starts_with(IdBytes(key)); }
};

std::optional<NoteSignature> ParseSignatureLine(LineReader* lines) {
  const std::optional<std::string_view> line = lines->NextAfter(kSignaturePrefix);
  if (!line) return std::nullopt;
  const size_t space = line->find(' ');
  if (space == std::string_view::npos || !IsKeyName(line->substr(0, space))) return std::nullopt;
  std::optional<std::string> bytes = DecodeBase64(line->substr(space + 1));
  if (!bytes || bytes->size() <= sizeof(VerifierKey::key_id)) return std::nullopt;
  return NoteSignature{.name = line->substr(0, space), .bytes = *std::move(bytes)};
}

absl::Status VerifySignatures(std::string_view text, std::string_view signatures, const VerifierKey& key) {
  LineReader lines(signatures);
  bool verified = false;
  bool has_name = false;
  for (size_t count = 0; !lines.rest().empty(); ++count) {
    if (count == kMaxNoteSignatures) return MalformedNote("the note has too many signatures");
    const std::optional<NoteSignature> signature = ParseSignatureLine(&lines);
    if (!signature) return MalformedNote("the note has a malformed signature line");
    has_name = has_name || signature->name == key.name;
    if (!signature->IsBy(key)) continue;
    const std::string_view bytes = std::string_view(signature->bytes).substr(key.key_id.size());
    if (!VerifyEd25519(key.public_key, text, bytes)) {
      return Error(absl::StatusCode::kFailedPrecondition, "NOTE_SIGNATURE_WRONG",
                   "the note's signature is wrong: it was changed, or signed by somebody else");
    }
    verified = true;
  }
  if (verified) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NOTE_KEY_UNKNOWN",
               absl::StrCat(has_name ? "the note is signed with another key of that name, not with "
                                     : "the note has no signature by ",
                            key.name, "+", ToHex(IdBytes(key))));
}

}  // namespace

absl::Status ValidateKeyName(std::string_view name) {
  if (IsKeyName(name)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "KEY_NAME",
               "a key's name must be nonempty UTF-8 without spaces, control characters and '+'");
}

VerifierKey MakeVerifierKey(std::string_view name, const Ed25519PublicKey& public_key) {
  VerifierKey key{.name = std::string(name), .public_key = public_key};
  const Digest hash = Sha256(absl::StrCat(key.name, "\n", TypeAndKey(public_key)));
  std::copy_n(hash.begin(), key.key_id.size(), key.key_id.begin());
  return key;
}

std::string FormatVerifierKey(const VerifierKey& key) {
  return absl::StrCat(key.name, "+", ToHex(IdBytes(key)), "+", EncodeBase64(TypeAndKey(key.public_key)));
}

absl::StatusOr<VerifierKey> ParseVerifierKey(std::string_view text) {
  const size_t name_end = text.find('+');
  const size_t id_end = name_end == std::string_view::npos ? name_end : text.find('+', name_end + 1);
  if (id_end == std::string_view::npos) return MalformedKey("a verifier key must read name+key id+key");
  const std::string_view name = text.substr(0, name_end);
  if (!IsKeyName(name)) return MalformedKey("the verifier key's name must be nonempty and without spaces");
  const std::optional<std::string> encoded = DecodeBase64(text.substr(id_end + 1));
  if (!encoded || encoded->size() != 1 + sizeof(Ed25519PublicKey) || (*encoded)[0] != kEd25519Type) {
    return MalformedKey("the verifier key must be an Ed25519 key in base64");
  }
  Ed25519PublicKey public_key;
  std::copy(encoded->begin() + 1, encoded->end(), public_key.begin());
  VerifierKey key = MakeVerifierKey(name, public_key);
  if (text.substr(name_end + 1, id_end - name_end - 1) != ToHex(IdBytes(key))) {
    return MalformedKey("the verifier key's id does not belong to its name and key");
  }
  return key;
}

absl::StatusOr<std::string> SignNote(std::string_view text, std::string_view name, const SigningKey& key) {
  RETURN_IF_ERROR(ValidateKeyName(name));
  if (!text.ends_with('\n') || !IsNoteText(text)) {
    return MalformedNote("a note's text must be UTF-8 without control characters and end in a newline");
  }
  const VerifierKey verifier = MakeVerifierKey(name, key.public_key());
  const std::string signature = absl::StrCat(ToAbsl(IdBytes(verifier)), ToAbsl(AsBytes(key.Sign(text))));
  return absl::StrCat(ToAbsl(text), "\n", ToAbsl(kSignaturePrefix), verifier.name, " ", EncodeBase64(signature), "\n");
}

absl::StatusOr<std::string> OpenNote(std::string_view note, const VerifierKey& key) {
  if (note.size() > kMaxNoteBytes) return MalformedNote("the note is too long");
  if (!IsNoteText(note)) return MalformedNote("the note must be UTF-8 without control characters");
  // The text may have empty lines of its own: the last one ends it.
  const size_t end = note.rfind("\n\n");
  if (end == std::string_view::npos) return MalformedNote("the note has no blank line before its signatures");
  const std::string_view text = note.substr(0, end + 1);
  const std::string_view signatures = note.substr(end + 2);
  if (signatures.empty()) return MalformedNote("the note has no signatures");
  RETURN_IF_ERROR(VerifySignatures(text, signatures, key));
  return std::string(text);
}

}  // namespace expunge
