#include "proof/text_codec.h"

#include <algorithm>
#include <limits>

#include "absl/strings/escaping.h"
#include "base/string_view.h"

namespace expunge {
namespace {

// Takes one code point off the front of `text`; nothing when it does not begin with one.
std::optional<uint32_t> TakeCodePoint(std::string_view* text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>((*text)[i]); };
  const size_t length = byte(0) < 0x80         ? 1
                        : byte(0) >> 5 == 0x6  ? 2
                        : byte(0) >> 4 == 0xE  ? 3
                        : byte(0) >> 3 == 0x1E ? 4
                                               : 0;
  if (length == 0 || text->size() < length) return std::nullopt;
  uint32_t point = length == 1 ? byte(0) : byte(0) & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 0x2) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return std::nullopt;
  text->remove_prefix(length);
  return point;
}

// Whether every code point satisfies `allowed`.
template <typename Predicate>
bool EveryCodePoint(std::string_view text, Predicate allowed) {
  while (!text.empty()) {
    const std::optional<uint32_t> point = TakeCodePoint(&text);
    if (!point || !allowed(*point)) return false;
  }
  return true;
}

// Unicode's property White_Space.
bool IsSpace(uint32_t point) {
  return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 || point == 0x202F ||
         point == 0x205F || point == 0x3000;
}

std::optional<Digest> ToDigest(const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() != sizeof(Digest)) return std::nullopt;
  return *DigestFromBytes(*bytes);
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) { return absl::Base64Escape(ToAbsl(bytes)); }

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string bytes;
  // Abseil takes spaces, missing padding and stray bits at the end as well.
  if (!absl::Base64Unescape(ToAbsl(text), &bytes) || EncodeBase64(bytes) != text) return std::nullopt;
  return bytes;
}

std::optional<Digest> DigestFromBase64(std::string_view text) { return ToDigest(DecodeBase64(text)); }

std::optional<std::string> DecodeHex(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() % 2 != 0 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  return absl::HexStringToBytes(ToAbsl(text));
}

std::optional<Digest> DigestFromHex(std::string_view text) { return ToDigest(DecodeHex(text)); }

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const uint64_t digit = c - '0';
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

bool IsUtf8(std::string_view text) {
  return EveryCodePoint(text, [](uint32_t) { return true; });
}

bool IsNoteText(std::string_view text) {
  return EveryCodePoint(text, [](uint32_t point) { return point >= 0x20 || point == '\n'; });
}

bool IsKeyName(std::string_view text) {
  return !text.empty() &&
         EveryCodePoint(text, [](uint32_t point) { return point >= 0x20 && point != '+' && !IsSpace(point); });
}

std::optional<std::string_view> LineReader::Next() {
  const size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return line;
}

std::optional<std::string_view> LineReader::NextAfter(std::string_view prefix) {
  if (!rest_.starts_with(prefix)) return std::nullopt;
  std::optional<std::string_view> line = Next();
  if (line) line->remove_prefix(prefix.size());
  return line;
}

}  // namespace expunge
