#ifndef EXPUNGE_STORAGE_FREE_SPACE_H_
#define EXPUNGE_STORAGE_FREE_SPACE_H_

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "rocksdb/env.h"

namespace expunge {

// Keeps a reserve free on the device of a directory. Asks the file system once per 16 MiB written, and each time while
// the reserve is touched. Thread-safe.
class FreeSpace {
 public:
  FreeSpace(rocksdb::Env* env, std::string path, uint64_t reserved_bytes)
      : env_(env), path_(std::move(path)), reserved_bytes_(reserved_bytes) {}

  // Before `bytes` are written. RESOURCE_EXHAUSTED, DISK_FULL.
  absl::Status Admit(uint64_t bytes);

 private:
  rocksdb::Env* const env_;
  const std::string path_;
  const uint64_t reserved_bytes_;
  Mutex mutex_;
  uint64_t admitted_unasked_ ABSL_GUARDED_BY(mutex_) = 0;  // what may still be written before asking again
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_FREE_SPACE_H_
