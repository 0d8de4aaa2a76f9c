#ifndef EXPUNGE_STORAGE_ROCKS_STORE_H_
#define EXPUNGE_STORAGE_ROCKS_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace expunge {

// Store on an embedded RocksDB. Keys and values: storage/FORMAT.md.
struct RocksStoreOptions {
  std::string path;             // directory; made when missing
  rocksdb::Env* env = nullptr;  // default: the operating system; not owned
  // Writes that add data (ApplyIngest, PutCheckpoint, PutModel) are refused with RESOURCE_EXHAUSTED (DISK_FULL) when
  // less than this is free, so that there is always room to record an erasure.
  uint64_t reserved_free_bytes = uint64_t{256} << 20;
};

// Whether there is a database in this directory: if not, opening makes one.
bool DatabaseExists(const std::string& path, rocksdb::Env* env = nullptr);

// FAILED_PRECONDITION: DATA_DIR_IN_USE (another process has it), DATA_DIR_VERSION (of another format version).
// PERMISSION_DENIED: DATA_DIR_NOT_WRITABLE.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const RocksStoreOptions& options);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_STORE_H_
