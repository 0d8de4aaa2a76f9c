#include "storage/cache_sparing_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace expunge {
namespace {

constexpr uint64_t kChunkBytes = uint64_t{32} << 20;
constexpr unsigned char kCached = 1;  // the bit of mincore(2)

}  // namespace

CacheSparingReader::CacheSparingReader(int descriptor)
    : descriptor_(descriptor), page_bytes_(static_cast<uint64_t>(sysconf(_SC_PAGESIZE))) {
  struct stat about;
  if (fstat(descriptor_, &about) == 0) file_bytes_ = static_cast<uint64_t>(about.st_size);
  posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  current_ = LookAt(0);
  next_ = LookAt(kChunkBytes);
}

CacheSparingReader::~CacheSparingReader() {
  DropFetched(current_);
  DropFetched(next_);
}

ssize_t CacheSparingReader::Read(char* buffer, size_t size) {
  if (offset_ >= next_.begin) {
    DropFetched(current_);
    current_ = std::exchange(next_, LookAt(next_.begin + kChunkBytes));
  }
  size_t done = 0;
  while (done < size) {
    const ssize_t count = pread(descriptor_, buffer + done, size - done, static_cast<off_t>(offset_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return count;
    if (count == 0) break;
    done += static_cast<size_t>(count);
    offset_ += static_cast<uint64_t>(count);
  }
  return static_cast<ssize_t>(done);
}

CacheSparingReader::Chunk CacheSparingReader::LookAt(uint64_t begin) const {
  Chunk chunk = {.begin = begin};
  if (begin >= file_bytes_) return chunk;
  const size_t size = std::min(kChunkBytes, file_bytes_ - begin);
  void* const mapped = mmap(nullptr, size, PROT_NONE, MAP_SHARED, descriptor_, static_cast<off_t>(begin));
  if (mapped == MAP_FAILED) return chunk;
  chunk.cached.resize((size + page_bytes_ - 1) / page_bytes_);
  if (mincore(mapped, size, chunk.cached.data()) != 0) chunk.cached.clear();
  munmap(mapped, size);
  return chunk;
}

void CacheSparingReader::DropFetched(const Chunk& chunk) const {
  const auto end = chunk.cached.end();
  for (auto at = chunk.cached.begin(); at != end;) {
    const bool cached = (*at & kCached) != 0;
    const auto change = std::find_if(at, end, [&](unsigned char page) { return ((page & kCached) != 0) != cached; });
    if (!cached) {
      const uint64_t begin = chunk.begin + static_cast<uint64_t>(at - chunk.cached.begin()) * page_bytes_;
      posix_fadvise(descriptor_, static_cast<off_t>(begin),
                    static_cast<off_t>(static_cast<uint64_t>(change - at) * page_bytes_), POSIX_FADV_DONTNEED);
    }
    at = change;
  }
}

}  // namespace expunge
