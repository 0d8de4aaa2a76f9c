#ifndef EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_
#define EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/testing/fault_plan.h"
#include "tests/testing/faulty_files.h"
#include "tests/testing/unsynced_state.h"

namespace expunge {

// The operating system's files under a RocksDB, which fail when told to and can lose what was not synced. Thread-safe.
//
//   auto files = std::make_shared<FaultyFileSystem>();
//   const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  using Fault = FileFault;

  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  // See FaultInjection; until Heal.
  void Inject(const FaultInjection& injection) { plan_.Inject(injection); }
  // After `writes` more appends and syncs all fail, until Heal. A failing append writes half of its bytes first.
  void FailAfter(int writes, Fault fault) {
    Inject({.operations = {FileOperation::kAppend, FileOperation::kSync}, .fault = fault, .nth = writes});
  }
  void Heal() { plan_.Heal(); }
  // Whether an operation has met the fault since it was injected.
  bool failed() const { return plan_.failed(); }
  FaultPlan& plan() { return plan_; }

  // Loss of power: let every change fail (FailAfter(0, ...), or Fault::kPowerLoss), close the database, then this.
  void DropUnsynced(const PowerLoss& loss = {}) { unsynced_.Lose(loss); }

  // What the device says is free; nullopt: the truth.
  void SetFreeSpace(std::optional<uint64_t> bytes);

  const char* Name() const override { return "FaultyFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* bytes,
                                 rocksdb::IODebugContext* debug) override;

 private:
  FaultPlan plan_;
  UnsyncedState unsynced_;
  const FaultyFiles files_ = {&plan_, &unsynced_};
  Mutex mutex_;
  std::optional<uint64_t> free_space_ ABSL_GUARDED_BY(mutex_);
};

// An Env over such files in which RocksDB does not wait a second after each flush and compaction that failed.
class FaultyEnv : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(const std::shared_ptr<FaultyFileSystem>& files);
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_FAULTY_FILE_SYSTEM_H_
