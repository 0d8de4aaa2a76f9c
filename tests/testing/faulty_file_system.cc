#include "tests/testing/faulty_file_system.h"

#include <algorithm>
#include <utility>

#include "rocksdb/system_clock.h"

namespace expunge {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

class ImpatientClock : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override { target_->SleepForMicroseconds(std::min(micros, 1000)); }
};

}  // namespace

FaultyEnv::FaultyEnv(const std::shared_ptr<FaultyFileSystem>& files) : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
  file_system_ = files;
  system_clock_ = std::make_shared<ImpatientClock>();
}

void FaultyFileSystem::SetFreeSpace(std::optional<uint64_t> bytes) {
  const MutexLock lock(&mutex_);
  free_space_ = bytes;
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& path, const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (auto decision = plan_.Decide(FileOperation::kCreate, path); decision.faulted) return decision.status;
  const bool is_new = !target()->FileExists(path, IOOptions(), debug).ok();
  std::unique_ptr<rocksdb::FSWritableFile> real;
  IOStatus status = target()->NewWritableFile(path, options, &real, debug);
  if (status.ok()) {
    unsynced_.Created(path, is_new);
    *file = files_.Writable(path, std::move(real));
  }
  return status;
}

IOStatus FaultyFileSystem::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> real;
  IOStatus status = target()->ReopenWritableFile(path, options, &real, debug);
  if (status.ok()) *file = files_.Writable(path, std::move(real));
  return status;
}

IOStatus FaultyFileSystem::NewSequentialFile(const std::string& path, const FileOptions& options,
                                             std::unique_ptr<rocksdb::FSSequentialFile>* file, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSSequentialFile> real;
  IOStatus status = target()->NewSequentialFile(path, options, &real, debug);
  if (status.ok()) *file = files_.Sequential(path, std::move(real));
  return status;
}

IOStatus FaultyFileSystem::NewRandomAccessFile(const std::string& path, const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                               IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> real;
  IOStatus status = target()->NewRandomAccessFile(path, options, &real, debug);
  if (status.ok()) *file = files_.RandomAccess(path, std::move(real));
  return status;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  IOStatus status = target()->NewDirectory(path, options, &real, debug);
  if (status.ok()) *directory = files_.Directory(path, std::move(real));
  return status;
}

IOStatus FaultyFileSystem::CreateDirIfMissing(const std::string& path, const IOOptions& options,
                                              IODebugContext* debug) {
  if (target()->FileExists(path, options, debug).ok()) return target()->CreateDirIfMissing(path, options, debug);
  if (auto decision = plan_.Decide(FileOperation::kCreate, path); decision.faulted) return decision.status;
  IOStatus status = target()->CreateDirIfMissing(path, options, debug);
  if (status.ok()) unsynced_.DirectoryCreated(path);
  return status;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (auto decision = plan_.Decide(FileOperation::kDelete, path); decision.faulted) return decision.status;
  std::optional<std::string> contents = UnsyncedState::BeforeRemoval(path);
  IOStatus status = target()->DeleteFile(path, options, debug);
  if (status.ok()) unsynced_.Deleted(path, std::move(contents));
  return status;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                      IODebugContext* debug) {
  if (auto decision = plan_.Decide(FileOperation::kRename, from); decision.faulted) return decision.status;
  std::optional<std::string> replaced = UnsyncedState::BeforeRemoval(to);
  IOStatus status = target()->RenameFile(from, to, options, debug);
  if (status.ok()) unsynced_.Renamed(from, to, std::move(replaced));
  return status;
}

IOStatus FaultyFileSystem::GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* bytes,
                                        IODebugContext* debug) {
  {
    const MutexLock lock(&mutex_);
    if (free_space_.has_value()) {
      *bytes = *free_space_;
      return IOStatus::OK();
    }
  }
  return target()->GetFreeSpace(path, options, bytes, debug);
}

}  // namespace expunge
