#ifndef EXPUNGE_PROOF_TEXT_CODEC_H_
#define EXPUNGE_PROOF_TEXT_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace expunge {

// What the text formats of proofs have in common. Everything here is strict: each value has one spelling, so that two
// readers never see different things in the same bytes.

// RFC 4648, section 4, with padding.
std::string EncodeBase64(std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);
std::optional<Digest> DigestFromBase64(std::string_view text);

// Lower case.
std::optional<std::string> DecodeHex(std::string_view text);
std::optional<Digest> DigestFromHex(std::string_view text);

// Without a sign or leading zeros.
std::optional<uint64_t> ParseDecimal(std::string_view text);

// RFC 3629: no overlong forms, no surrogates.
bool IsUtf8(std::string_view text);
// UTF-8 without the ASCII control characters (below U+0020) but newline.
bool IsNoteText(std::string_view text);
// Nonempty note text of one line, without Unicode spaces and '+'.
bool IsKeyName(std::string_view text);

// Takes lines off the front of a text. Every line must end in a newline.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  // The next line without its newline; nothing when there is none.
  std::optional<std::string_view> Next();
  // What follows `prefix` in the next line; nothing, and the line is not taken, when it does not begin with that.
  std::optional<std::string_view> NextAfter(std::string_view prefix);

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace expunge

#endif  // EXPUNGE_PROOF_TEXT_CODEC_H_
