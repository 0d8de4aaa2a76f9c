#include "rpc/names.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "catalog/catalog.h"

namespace expunge {
namespace {

constexpr std::string_view kModels = "models/";
constexpr std::string_view kErasures = "erasures/";
constexpr size_t kUuidTextBytes = 36;

// The first character tells one list's tokens from another's.
constexpr char kSequenceToken = 's';
constexpr char kIdToken = 'i';

bool IsHyphenPlace(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

std::optional<Uuid> UuidFromText(std::string_view text) {
  if (text.size() != kUuidTextBytes) return std::nullopt;
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenPlace(i) ? text[i] != '-' : !absl::ascii_isxdigit(text[i])) return std::nullopt;
    if (!IsHyphenPlace(i)) hex += text[i];
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  Uuid uuid;
  std::copy(bytes.begin(), bytes.end(), uuid.begin());
  return uuid;
}

std::string Token(char kind, std::string_view cursor) {
  return absl::WebSafeBase64Escape(absl::StrCat(absl::string_view(&kind, 1), ToAbsl(cursor)));
}

absl::Status BadToken() { return InvalidField("page_token", "must be a next_page_token of the same list"); }

absl::StatusOr<std::string> CursorOf(char kind, std::string_view token) {
  std::string cursor;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token), &cursor) || cursor.size() < 2 || cursor[0] != kind) return BadToken();
  return cursor.substr(1);
}

}  // namespace

absl::StatusOr<Uuid> ParseUuid(std::string_view text, std::string_view field) {
  if (const std::optional<Uuid> uuid = UuidFromText(text)) return *uuid;
  return InvalidField(field, "must be a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

std::string FormatUuid(std::string_view bytes) {
  std::string text = ToHex(bytes);
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenPlace(i)) text.insert(i, 1, '-');
  }
  return text;
}

absl::StatusOr<std::string> ParseModelName(std::string_view name, std::string_view field) {
  if (!name.starts_with(kModels) || !ValidateModelName(name.substr(kModels.size())).ok()) {
    return InvalidField(
        field, absl::StrCat("must be models/{id} with an id of 1 to ", kMaxModelNameBytes,
                            " characters of a-z, 0-9 and '-' that begins with a letter and does not end in '-'"));
  }
  return std::string(name.substr(kModels.size()));
}

std::string FormatModelName(std::string_view id) { return absl::StrCat(ToAbsl(kModels), ToAbsl(id)); }

absl::StatusOr<std::string> ParseErasureName(std::string_view name, std::string_view field) {
  if (name.starts_with(kErasures)) {
    if (const std::optional<Uuid> uuid = UuidFromText(name.substr(kErasures.size())))
      return std::string(uuid->begin(), uuid->end());
  }
  return InvalidField(field, "must be erasures/{uuid}");
}

std::string FormatErasureName(std::string_view uuid) { return absl::StrCat(ToAbsl(kErasures), FormatUuid(uuid)); }

absl::StatusOr<size_t> ParsePageSize(int32_t page_size) {
  if (page_size < 0) return InvalidField("page_size", absl::StrCat("must be 0 or more, is ", page_size));
  if (page_size == 0) return kDefaultPageSize;
  return std::min(page_size, kMaxPageSize);
}

std::string SequencePageToken(ErasureSequence next) { return Token(kSequenceToken, absl::StrCat(next)); }

absl::StatusOr<ErasureSequence> ParseSequencePageToken(std::string_view token) {
  if (token.empty()) return 0;
  ASSIGN_OR_RETURN(const std::string cursor, CursorOf(kSequenceToken, token));
  ErasureSequence sequence = 0;
  if (!absl::SimpleAtoi(cursor, &sequence)) return BadToken();
  return sequence;
}

std::string IdPageToken(std::string_view last_id) { return Token(kIdToken, last_id); }

absl::StatusOr<std::string> ParseIdPageToken(std::string_view token) {
  if (token.empty()) return std::string();
  return CursorOf(kIdToken, token);
}

}  // namespace expunge
