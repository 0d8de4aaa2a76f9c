#ifndef EXPUNGE_STORAGE_CAUTIOUS_FILES_H_
#define EXPUNGE_STORAGE_CAUTIOUS_FILES_H_

#include <atomic>
#include <memory>
#include <string>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "storage/wal_files.h"

namespace expunge {

// The files of one RocksDB database while it is open. Which of them the database consists of stands in the MANIFEST
// that CURRENT names. From the first time that a MANIFEST, CURRENT or the directory could not be written, that is
// uncertain, and the deletion of a table, a blob file, a WAL or a MANIFEST up to the one in CURRENT fails with IOError,
// until the database is reopened and has read what is on the disk. RocksDB has such a rule for flushes and compactions
// but not for every change: when 7.8 fails to begin a MANIFEST, it takes the one in CURRENT for obsolete
// (facebook/rocksdb#12865).
//
// A WAL begins when those before it are durable. RocksDB syncs them later, before it flushes what they hold, but any
// MANIFEST that it writes meanwhile says that the column families without unflushed rows need the new WAL alone; when
// a loss of power then cuts off what the old one was not synced with, it refuses to open ("SST file is ahead of WALs").
//
// Thread-safe.
class CautiousFiles : public rocksdb::FileSystemWrapper {
 public:
  explicit CautiousFiles(const std::shared_ptr<rocksdb::FileSystem>& files) : FileSystemWrapper(files) {}

  const char* Name() const override { return "CautiousFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

  // From now on such deletions fail.
  bool uncertain() const { return *uncertain_; }

 private:
  bool MayBeInUse(const std::string& path);

  // Shared with the files, which RocksDB may close later than it lets go of this.
  const std::shared_ptr<std::atomic<bool>> uncertain_ = std::make_shared<std::atomic<bool>>(false);
  const std::shared_ptr<WalFiles> wals_ = std::make_shared<WalFiles>();
};

// An Env over the files of `env`, which need not outlive it, with its clock.
class CautiousEnv : public rocksdb::EnvWrapper {
 public:
  explicit CautiousEnv(rocksdb::Env* env);

  const CautiousFiles& files() const { return *files_; }

 private:
  CautiousEnv(rocksdb::Env* env, std::shared_ptr<CautiousFiles> files);

  const std::shared_ptr<CautiousFiles> files_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_CAUTIOUS_FILES_H_
