#include "client/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;
constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib's windowBits for gzip framing, checksum included

absl::Status Unreadable(const std::string& path, int error) {
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (error == ENOENT || error == ENOTDIR) code = absl::StatusCode::kNotFound;
  if (error == EACCES || error == EPERM) code = absl::StatusCode::kPermissionDenied;
  return Error(code, "FILE_UNREADABLE", absl::StrCat(path, ": ", std::strerror(error)));
}

}  // namespace

struct FileSource::State {
  ~State() {
    if (inflating) inflateEnd(&stream);
    if (file >= 0) close(file);
  }

  absl::Status Fill() {
    stored_offset += static_cast<int64_t>(position);
    position = 0;
    ASSIGN_OR_RETURN(available, ReadFile(buffer.data(), buffer.size()));
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadFile(uint8_t* target, size_t size) const {
    for (;;) {
      const ssize_t count = read(file, target, size);
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR) return Unreadable(path, errno);
    }
  }

  absl::StatusOr<size_t> ReadPlain(absl::Span<uint8_t> target) {
    if (position == available) return ReadFile(target.data(), target.size());
    const size_t count = std::min(target.size(), available - position);
    std::memcpy(target.data(), buffer.data() + position, count);
    position += count;
    return count;
  }

  // At least one byte, or 0 at the checked end of the last member.
  absl::StatusOr<size_t> Inflate(absl::Span<uint8_t> target) {
    stream.next_out = target.data();
    stream.avail_out = static_cast<uInt>(std::min<size_t>(target.size(), uInt{1} << 30));
    const uInt wanted = stream.avail_out;
    while (stream.avail_out == wanted) {
      if (position == available) RETURN_IF_ERROR(Fill());
      if (between_members) {
        if (available == 0) return size_t{0};
        RETURN_IF_ERROR(StartMember());
      }
      if (available == 0) {
        return Error(absl::StatusCode::kDataLoss, "FILE_TRUNCATED",
                     absl::StrCat(path, ": the gzip data ends in the middle, after ", stored_offset, " bytes"));
      }
      stream.next_in = buffer.data() + position;
      stream.avail_in = static_cast<uInt>(available - position);
      const int result = inflate(&stream, Z_NO_FLUSH);
      position = available - stream.avail_in;
      if (result == Z_STREAM_END) {
        between_members = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return Corrupt(stream.msg != nullptr ? stream.msg : "not gzip data");
      }
    }
    return size_t{wanted - stream.avail_out};
  }

  // Between two members there is nothing: other bytes are not ours to skip in silence.
  absl::Status StartMember() {
    if (buffer[position] != 0x1f) return Corrupt("trailing bytes after the gzip data");
    between_members = false;
    inflateReset(&stream);
    return absl::OkStatus();
  }

  absl::Status Corrupt(std::string_view problem) const {
    return Error(absl::StatusCode::kDataLoss, "FILE_CORRUPT",
                 absl::StrCat(path, ": corrupt at byte ", stored_offset + static_cast<int64_t>(position),
                              " of the file: ", ToAbsl(problem)));
  }

  std::string path;
  int file = -1;
  std::vector<uint8_t> buffer = std::vector<uint8_t>(kBufferBytes);
  size_t position = 0;        // in `buffer`, of the next byte to use
  size_t available = 0;       // bytes in `buffer`
  int64_t stored_offset = 0;  // in the file, of `buffer`
  int64_t offset = 0;
  z_stream stream = {};
  bool inflating = false;
  bool between_members = false;
};

FileSource::FileSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileSource::~FileSource() = default;

const std::string& FileSource::path() const { return state_->path; }
int64_t FileSource::offset() const { return state_->offset; }

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (state->file < 0) return Unreadable(path, errno);
  struct stat about;
  if (fstat(state->file, &about) != 0) return Unreadable(path, errno);
  if (!S_ISREG(about.st_mode)) {
    return Error(absl::StatusCode::kInvalidArgument, "FILE_UNREADABLE", absl::StrCat(path, ": not a regular file"));
  }
  posix_fadvise(state->file, 0, 0, POSIX_FADV_SEQUENTIAL);
  RETURN_IF_ERROR(state->Fill());
  if (state->available >= 2 && state->buffer[0] == 0x1f && state->buffer[1] == 0x8b) {
    if (inflateInit2(&state->stream, kGzipOnly) != Z_OK) {
      return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY", "zlib cannot get its memory");
    }
    state->inflating = true;
  }
  return std::unique_ptr<FileSource>(new FileSource(std::move(state)));
}

absl::StatusOr<size_t> FileSource::Read(absl::Span<uint8_t> buffer) {
  size_t done = 0;
  while (done < buffer.size()) {
    const auto rest = buffer.subspan(done);
    ASSIGN_OR_RETURN(const size_t count, state_->inflating ? state_->Inflate(rest) : state_->ReadPlain(rest));
    if (count == 0) break;
    done += count;
  }
  state_->offset += static_cast<int64_t>(done);
  return done;
}

}  // namespace expunge
