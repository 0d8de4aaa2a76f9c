#ifndef EXPUNGE_CLIENT_FILE_SOURCE_H_
#define EXPUNGE_CLIENT_FILE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace expunge {

// Reads a file from its beginning to its end, decompressing it when it starts with gzip's magic number (RFC 1952;
// several members one after the other are one content, as gzip has it). Holds a fixed buffer, never the file. Not
// thread-safe.
//
// Errors name the file and the position. NOT_FOUND, PERMISSION_DENIED or INTERNAL with reason FILE_UNREADABLE;
// DATA_LOSS with reason FILE_TRUNCATED or FILE_CORRUPT for what is not whole gzip data (wrong checksum, trailing
// bytes).
class FileSource {
 public:
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(const std::string& path);
  ~FileSource();

  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  // Fills `buffer`; less only where the content ends, which is after the checksum of compressed content was found
  // right.
  absl::StatusOr<size_t> Read(absl::Span<uint8_t> buffer);

  const std::string& path() const;
  int64_t offset() const;  // in the content, of the next byte that Read gives

 private:
  struct State;
  explicit FileSource(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_FILE_SOURCE_H_
