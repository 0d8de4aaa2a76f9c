#include "admin/pattern_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "storage/pattern_set.h"

namespace expunge {
namespace {

absl::Status Unreadable(const std::string& path, int error) {
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  if (error == ENOENT || error == ENOTDIR) code = absl::StatusCode::kNotFound;
  if (error == EACCES || error == EPERM) code = absl::StatusCode::kPermissionDenied;
  return Error(code, "FILE_UNREADABLE", absl::StrCat(path, ": ", std::strerror(error)));
}

absl::Status Invalid(std::string_view problem) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_PATTERN", problem);
}

bool TakePrefix(std::string_view prefix, std::string_view* line) {
  if (!line->starts_with(prefix)) return false;
  line->remove_prefix(prefix.size());
  return true;
}

absl::StatusOr<std::string> FromHex(std::string_view digits) {
  bool valid = digits.size() % 2 == 0;
  for (const char digit : digits) valid = valid && absl::ascii_isxdigit(static_cast<unsigned char>(digit));
  if (!valid) return Invalid("must have hexadecimal digits alone after \"hex:\", two for each byte");
  return absl::HexStringToBytes(ToAbsl(digits));
}

absl::StatusOr<std::string> FromBase64(std::string_view text) {
  std::string bytes;
  if (absl::Base64Unescape(ToAbsl(text), &bytes)) return bytes;
  return Invalid("must have base64 (RFC 4648, section 4) after \"base64:\"");
}

absl::StatusOr<std::string> Decode(std::string_view line) {
  if (TakePrefix("text:", &line)) return std::string(line);
  if (TakePrefix("hex:", &line)) return FromHex(line);
  if (TakePrefix("base64:", &line)) return FromBase64(line);
  return Invalid("must begin with \"text:\", \"hex:\" or \"base64:\"");
}

absl::StatusOr<std::string> DecodeLongEnough(std::string_view line) {
  ASSIGN_OR_RETURN(std::string bytes, Decode(line));
  if (bytes.size() >= PatternSet::kMinBytes) return bytes;
  return Invalid(absl::StrCat("must give at least ", PatternSet::kMinBytes, " bytes, gives ", bytes.size()));
}

// Bounded, whatever the path names: a device has no end.
absl::StatusOr<std::string> ReadAll(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Unreadable(path, errno);
  constexpr size_t kBlockBytes = size_t{1} << 20;
  std::string content;
  while (file && content.size() <= kMaxPatternFileBytes) {
    const size_t before = content.size();
    content.resize(before + kBlockBytes);
    file.read(content.data() + before, kBlockBytes);
    content.resize(before + static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return Unreadable(path, errno);
  if (content.size() <= kMaxPatternFileBytes) return content;
  return Error(absl::StatusCode::kInvalidArgument, "PATTERN_FILE_TOO_LARGE",
               absl::StrCat(path, ": must have at most ", kMaxPatternFileBytes, " bytes, has more"));
}

}  // namespace

absl::StatusOr<std::vector<Pattern>> ReadPatternFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, ReadAll(path));
  std::vector<Pattern> patterns;
  std::string_view rest = content;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    absl::StatusOr<std::string> bytes = DecodeLongEnough(line);
    if (!bytes.ok()) return Invalid(absl::StrCat(path, ": line ", number, " ", bytes.status().message()));
    patterns.push_back({*std::move(bytes), number});
  }
  if (patterns.empty()) return Invalid(absl::StrCat(path, ": has no pattern"));
  return patterns;
}

}  // namespace expunge
