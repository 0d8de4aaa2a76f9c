#include "storage/wal_files.h"

#include <atomic>
#include <utility>

namespace expunge {

using rocksdb::DataVerificationInfo;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class WalFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WalFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<WalFiles> files)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(std::move(files)) {}
  ~WalFile() override { files_->Remove(this); }

  WalFile(const WalFile&) = delete;
  WalFile& operator=(const WalFile&) = delete;

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Written(FSWritableFileOwnerWrapper::Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo& info,
                  IODebugContext* debug) override {
    return Written(FSWritableFileOwnerWrapper::Append(data, options, info, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return Written(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const DataVerificationInfo& info, IODebugContext* debug) override {
    return Written(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, info, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    unsynced_ = false;
    return Synced(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    unsynced_ = false;
    return Synced(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    files_->Remove(this);
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

  bool unsynced() const { return unsynced_; }

 private:
  // Also after a failure, which may have left some of the bytes.
  IOStatus Written(IOStatus status) {
    unsynced_ = true;
    return status;
  }
  IOStatus Synced(IOStatus status) {
    if (!status.ok()) unsynced_ = true;
    return status;
  }

  const std::shared_ptr<WalFiles> files_;
  std::atomic<bool> unsynced_ = false;
};

IOStatus WalFiles::Sync(const IOOptions& options, IODebugContext* debug) {
  const MutexLock lock(&mutex_);
  for (WalFile* const file : open_) {
    if (!file->unsynced()) continue;
    if (IOStatus status = file->Sync(options, debug); !status.ok()) return status;
  }
  return IOStatus::OK();
}

std::unique_ptr<rocksdb::FSWritableFile> WalFiles::Added(std::unique_ptr<rocksdb::FSWritableFile> file) {
  auto wal = std::make_unique<WalFile>(std::move(file), shared_from_this());
  const MutexLock lock(&mutex_);
  open_.insert(wal.get());
  return wal;
}

void WalFiles::Remove(WalFile* file) {
  const MutexLock lock(&mutex_);
  open_.erase(file);
}

}  // namespace expunge
