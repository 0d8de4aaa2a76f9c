#ifndef EXPUNGE_STORAGE_CACHE_SPARING_READER_H_
#define EXPUNGE_STORAGE_CACHE_SPARING_READER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace expunge {

// Reads a file once from its beginning to its end, beside others who need the system's cache of files: what was in the
// cache stays there, and what had to be fetched leaves it again, 32 MiB at a time. Where the system does not tell what
// is in the cache, as of a file that is not the user's own, all stays. Not thread-safe.
class CacheSparingReader {
 public:
  explicit CacheSparingReader(int descriptor);  // not owned
  ~CacheSparingReader();

  CacheSparingReader(const CacheSparingReader&) = delete;
  CacheSparingReader& operator=(const CacheSparingReader&) = delete;

  // Like read(2), but fills the buffer unless the file ends: then fewer bytes, or 0. -1 with errno set on errors.
  ssize_t Read(char* buffer, size_t size);

 private:
  // A part of the file and, for each of its pages, whether the page was in the cache.
  struct Chunk {
    uint64_t begin = 0;
    std::vector<unsigned char> cached;
  };

  Chunk LookAt(uint64_t begin) const;
  void DropFetched(const Chunk& chunk) const;

  const int descriptor_;
  const uint64_t page_bytes_;
  uint64_t file_bytes_ = 0;  // at first
  uint64_t offset_ = 0;
  Chunk current_;
  Chunk next_;  // looked at early: what the system reads ahead would seem to have been there
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_CACHE_SPARING_READER_H_
