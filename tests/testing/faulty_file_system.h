#ifndef EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_
#define EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace expunge {

// The operating system's files under a RocksDB, which fail when told to. Thread-safe.
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

  // What the device says is free; nullopt: the truth.
  void SetFreeSpace(std::optional<uint64_t> bytes);

  const char* Name() const override { return "FaultyFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                 rocksdb::IODebugContext* debug) override;

 private:
  class File;
  rocksdb::IOStatus CountWrite();

  mutable Mutex mutex_;
  std::optional<int> writes_left_ ABSL_GUARDED_BY(mutex_);  // nullopt: healthy
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kIoError;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<uint64_t> free_space_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_
