#ifndef EXPUNGE_ADMIN_PATTERN_FILE_H_
#define EXPUNGE_ADMIN_PATTERN_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace expunge {

// Bytes that somebody looks for. They may be a person's: neither an error nor a report has them, only the line.
struct Pattern {
  std::string bytes;
  int64_t line = 0;  // in the file that it was read from, counted from 1
};

inline constexpr int64_t kMaxPatternFileBytes = int64_t{64} << 20;

// Reads a file with one pattern a line:
//   text:person-000042      everything after the colon, as it stands (UTF-8)
//   hex:00ff10a2b3c4d5e6    two digits a byte, of either case
//   base64:AP8QorPE1eY=     RFC 4648, section 4
// Lines that are empty or begin with # say nothing. A line may end with CR LF.
//
// The file has at most kMaxPatternFileBytes: INVALID_ARGUMENT, reason PATTERN_FILE_TOO_LARGE, for a larger one.
// NOT_FOUND, PERMISSION_DENIED or UNAVAILABLE, reason FILE_UNREADABLE. INVALID_ARGUMENT, reason INVALID_PATTERN, for a
// line that is none of these or gives fewer than 8 bytes, and for a file without a pattern.
absl::StatusOr<std::vector<Pattern>> ReadPatternFile(const std::string& path);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_PATTERN_FILE_H_
