#include "tests/testing/faulty_file_system.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace expunge {

class FaultyFileSystem::File : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultyFileSystem* system, std::string name, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), system_(system), name_(std::move(name)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = system_->CountWrite();
    if (status.ok()) return target()->Append(data, options, debug);
    target()->Append(rocksdb::Slice(data.data(), data.size() / 2), options, debug).PermitUncheckedError();
    return status;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&, rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return Synced([&] { return target()->Sync(options, debug); });
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return Synced([&] { return target()->Fsync(options, debug); });
  }

 private:
  template <typename Sync>
  rocksdb::IOStatus Synced(const Sync& sync) {
    // What others append meanwhile may or may not be covered.
    const uint64_t bytes = target()->GetFileSize(rocksdb::IOOptions(), nullptr);
    rocksdb::IOStatus status = system_->CountWrite();
    if (status.ok()) status = sync();
    if (status.ok()) system_->NoteSynced(name_, bytes);
    return status;
  }

  FaultyFileSystem* const system_;
  const std::string name_;
};

void FaultyFileSystem::FailAfter(int writes, Fault fault) {
  const MutexLock lock(&mutex_);
  writes_left_ = writes;
  fault_ = fault;
  failed_ = false;
}

void FaultyFileSystem::Heal() {
  const MutexLock lock(&mutex_);
  writes_left_.reset();
}

bool FaultyFileSystem::failed() const {
  const MutexLock lock(&mutex_);
  return failed_;
}

void FaultyFileSystem::DropUnsynced() {
  const MutexLock lock(&mutex_);
  for (const auto& [name, bytes] : synced_bytes_) {
    std::error_code gone;  // most of them: deleted since
    if (std::filesystem::file_size(name, gone) > bytes && !gone) std::filesystem::resize_file(name, bytes);
  }
}

void FaultyFileSystem::NoteSynced(const std::string& name, uint64_t bytes) {
  const MutexLock lock(&mutex_);
  synced_bytes_[name] = bytes;
}

void FaultyFileSystem::SetFreeSpace(std::optional<uint64_t> bytes) {
  const MutexLock lock(&mutex_);
  free_space_ = bytes;
}

rocksdb::IOStatus FaultyFileSystem::CountWrite() {
  const MutexLock lock(&mutex_);
  if (!writes_left_.has_value()) return rocksdb::IOStatus::OK();
  if (*writes_left_ > 0) {
    --*writes_left_;
    return rocksdb::IOStatus::OK();
  }
  failed_ = true;
  return fault_ == Fault::kNoSpace ? rocksdb::IOStatus::NoSpace("injected") : rocksdb::IOStatus::IOError("injected");
}

rocksdb::IOStatus FaultyFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                    rocksdb::IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> real;
  rocksdb::IOStatus status = target()->NewWritableFile(name, options, &real, debug);
  if (status.ok()) {
    NoteSynced(name, 0);
    *file = std::make_unique<File>(this, name, std::move(real));
  }
  return status;
}

rocksdb::IOStatus FaultyFileSystem::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                       rocksdb::IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> real;
  rocksdb::IOStatus status = target()->ReopenWritableFile(name, options, &real, debug);
  if (status.ok()) *file = std::make_unique<File>(this, name, std::move(real));
  return status;
}

rocksdb::IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                               const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  const MutexLock lock(&mutex_);
  const auto renamed = synced_bytes_.find(from);
  if (renamed != synced_bytes_.end()) {
    synced_bytes_[to] = renamed->second;
    synced_bytes_.erase(renamed);
  }
  return status;
}

rocksdb::IOStatus FaultyFileSystem::GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                                 uint64_t* bytes, rocksdb::IODebugContext* debug) {
  {
    const MutexLock lock(&mutex_);
    if (free_space_.has_value()) {
      *bytes = *free_space_;
      return rocksdb::IOStatus::OK();
    }
  }
  return target()->GetFreeSpace(path, options, bytes, debug);
}

}  // namespace expunge
