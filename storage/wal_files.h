#ifndef EXPUNGE_STORAGE_WAL_FILES_H_
#define EXPUNGE_STORAGE_WAL_FILES_H_

#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "rocksdb/file_system.h"
#include "rocksdb/io_status.h"

namespace expunge {

class WalFile;

// The write-ahead logs of one RocksDB database that are open for writing. Thread-safe.
class WalFiles : public std::enable_shared_from_this<WalFiles> {
 public:
  // Makes durable what was written to them without a sync. IOError: some of it is not, and a later call tries again.
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug);

  // `file`, which is new and empty, as one of them until it is closed or destroyed.
  std::unique_ptr<rocksdb::FSWritableFile> Added(std::unique_ptr<rocksdb::FSWritableFile> file);

 private:
  friend class WalFile;

  void Remove(WalFile* file);

  Mutex mutex_;
  std::set<WalFile*> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_WAL_FILES_H_
