#include "storage/cache_sparing_read.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <cerrno>

namespace expunge {
namespace {

constexpr int kOnlyCached = RWF_NOWAIT;

ssize_t ReadOnce(int descriptor, uint64_t offset, char* buffer, size_t size, int flags) {
  const iovec target = {.iov_base = buffer, .iov_len = size};
  for (;;) {
    const ssize_t count = preadv2(descriptor, &target, 1, static_cast<off_t>(offset), flags);
    if (count >= 0 || errno != EINTR) return count;
  }
}

}  // namespace

void AdviseSparing(int descriptor) { posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM); }

ssize_t CacheSparingRead(int descriptor, uint64_t offset, char* buffer, size_t size) {
  const ssize_t cached = ReadOnce(descriptor, offset, buffer, size, kOnlyCached);
  if (cached < 0 && errno != EAGAIN && errno != EOPNOTSUPP && errno != ENOSYS) return cached;
  const bool can_tell = cached >= 0 || errno == EAGAIN;
  const size_t from_cache = cached < 0 ? 0 : static_cast<size_t>(cached);
  size_t done = from_cache;
  while (done < size) {
    const ssize_t count = ReadOnce(descriptor, offset + done, buffer + done, size - done, /*flags=*/0);
    if (count < 0) return count;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  if (can_tell && done > from_cache) {
    posix_fadvise(descriptor, static_cast<off_t>(offset + from_cache), static_cast<off_t>(done - from_cache),
                  POSIX_FADV_DONTNEED);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace expunge
