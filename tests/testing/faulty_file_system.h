#ifndef EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_
#define EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace expunge {

// The operating system's files under a RocksDB, which fail when told to and can lose what was not synced. Thread-safe.
//
//   auto files = std::make_shared<FaultyFileSystem>();
//   const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  enum class Fault { kNoSpace, kIoError };

  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  // After `writes` more appends and syncs all fail, until Heal. A failing append writes half of its bytes first.
  void FailAfter(int writes, Fault fault);
  void Heal();
  // Whether a write has failed since FailAfter.
  bool failed() const;

  // Loss of power: FailAfter(0, ...), close the database, then this, which cuts each file down to what was last synced.
  // Directory entries are not lost: a file that was never synced stays, empty.
  void DropUnsynced();

  // What the device says is free; nullopt: the truth.
  void SetFreeSpace(std::optional<uint64_t> bytes);

  const char* Name() const override { return "FaultyFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                 rocksdb::IODebugContext* debug) override;

 private:
  class File;
  rocksdb::IOStatus CountWrite();
  void NoteSynced(const std::string& name, uint64_t bytes);

  mutable Mutex mutex_;
  std::optional<int> writes_left_ ABSL_GUARDED_BY(mutex_);  // nullopt: healthy
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kIoError;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<uint64_t> free_space_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> synced_bytes_ ABSL_GUARDED_BY(mutex_);  // of the files that were written
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_
