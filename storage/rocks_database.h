#ifndef EXPUNGE_STORAGE_ROCKS_DATABASE_H_
#define EXPUNGE_STORAGE_ROCKS_DATABASE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "storage/cautious_files.h"

namespace expunge {

// An open RocksDB with its column families, of the one format version that this program knows. Closed when destroyed.
class RocksDatabase {
 public:
  // `families` starts with the default one; the others are made when missing. `path` is made when missing, with its
  // parents. Nothing is written to a database of another version. Errors: rocks_status.h, and FAILED_PRECONDITION,
  // DATA_DIR_VERSION. `name` is what messages call it.
  static absl::StatusOr<std::unique_ptr<RocksDatabase>> Open(
      std::string_view name, const std::string& path, rocksdb::DBOptions options,
      const std::vector<rocksdb::ColumnFamilyDescriptor>& families);
  ~RocksDatabase();
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  // One atomic write; `synced`: survives power loss when it returns, and with it what was written before. After a write
  // that failed, in the background too, the database is closed to writes until it is reopened. Of what a MANIFEST that
  // could not be written may leave in use nothing is deleted until then (cautious_files.h).
  absl::Status Write(rocksdb::WriteBatch* batch, bool synced, std::string_view kind) const;
  absl::Status Sync(std::string_view kind) const;  // what was written so far

  // UNAVAILABLE, STORAGE_UNAVAILABLE: obsolete files are kept until the database is reopened, see Write.
  absl::Status CheckDeletesFiles(std::string_view kind) const;

  rocksdb::DB* operator->() const { return db_.get(); }
  rocksdb::DB* get() const { return db_.get(); }
  // In the order of `families`.
  rocksdb::ColumnFamilyHandle* family(size_t index) const { return handles_[index]; }
  const std::vector<rocksdb::ColumnFamilyHandle*>& families() const { return handles_; }

 private:
  RocksDatabase() = default;
  absl::Status CheckFormat(std::string_view name);
  absl::Status MakeMissingFamilies(std::string_view name, const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

  std::unique_ptr<CautiousEnv> env_;  // outlives db_
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_DATABASE_H_
