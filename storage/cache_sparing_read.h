#ifndef EXPUNGE_STORAGE_CACHE_SPARING_READ_H_
#define EXPUNGE_STORAGE_CACHE_SPARING_READ_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace expunge {

// For who reads a large file once, beside others who need the system's cache of files: what was in the cache stays
// there, and what had to be fetched leaves it again. Where the file system cannot tell which is which, all stays.
// Thread-safe.

// Once for each descriptor: nothing is to be fetched ahead, for that would look like what others need.
void AdviseSparing(int descriptor);

// Like pread(2), but fills the buffer unless the file ends: then fewer bytes, or 0. -1 with errno set on errors.
ssize_t CacheSparingRead(int descriptor, uint64_t offset, char* buffer, size_t size);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_CACHE_SPARING_READ_H_
