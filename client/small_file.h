#ifndef EXPUNGE_CLIENT_SMALL_FILE_H_
#define EXPUNGE_CLIENT_SMALL_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace expunge {

// Files that fit into memory. Errors name the file.

// All of a file or pipe, as it is. NOT_FOUND, PERMISSION_DENIED or INTERNAL with reason FILE_UNREADABLE;
// INVALID_ARGUMENT, FILE_TOO_LONG.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t max_bytes);

// Puts a file there, or another in its place: whoever looks finds the old bytes or these, also after a crash. The mode
// is what the umask lets through. NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED or INTERNAL with reason
// FILE_NOT_WRITTEN.
absl::Status WriteSmallFile(const std::string& path, std::string_view bytes);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_SMALL_FILE_H_
