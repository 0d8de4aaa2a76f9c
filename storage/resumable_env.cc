#include "storage/resumable_env.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "rocksdb/file_system.h"

namespace expunge {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus MayBeRepeated(IOStatus status) {
  if (status.ok()) return status;
  if (status.IsNoSpace()) status = IOStatus::IOError(std::strerror(ENOSPC));
  status.SetRetryable(true);
  return status;
}

class ResumableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    return MayBeRepeated(target()->Append(data, options, verification, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return MayBeRepeated(target()->PositionedAppend(data, offset, options, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& verification, IODebugContext* debug) override {
    return MayBeRepeated(target()->PositionedAppend(data, offset, options, verification, debug));
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->Truncate(size, options, debug));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->Close(options, debug));
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->Flush(options, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->Fsync(options, debug));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(target()->RangeSync(offset, bytes, options, debug));
  }
};

class ResumableDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  explicit ResumableDirectory(std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(directory.get()), directory_(std::move(directory)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return MayBeRepeated(directory_->Fsync(options, debug));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& what) override {
    return MayBeRepeated(directory_->FsyncWithDirOptions(options, debug, what));
  }

 private:
  const std::unique_ptr<rocksdb::FSDirectory> directory_;
};

class ResumableFileSystem : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "ResumableFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    return Wrap(target()->NewWritableFile(name, options, file, debug), file);
  }
  IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    return Wrap(target()->ReopenWritableFile(name, options, file, debug), file);
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) override {
    IOStatus status = target()->NewDirectory(name, options, directory, debug);
    if (status.ok()) *directory = std::make_unique<ResumableDirectory>(std::move(*directory));
    return MayBeRepeated(std::move(status));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return MayBeRepeated(target()->RenameFile(from, to, options, debug));
  }

 private:
  static IOStatus Wrap(IOStatus status, std::unique_ptr<rocksdb::FSWritableFile>* file) {
    if (status.ok()) *file = std::make_unique<ResumableFile>(std::move(*file));
    return MayBeRepeated(std::move(status));
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> MakeResumableEnv(rocksdb::Env* env) {
  return rocksdb::NewCompositeEnv(std::make_shared<ResumableFileSystem>(env->GetFileSystem()));
}

}  // namespace expunge
