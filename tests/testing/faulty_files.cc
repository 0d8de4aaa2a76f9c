#include "tests/testing/faulty_files.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace expunge {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Does `read` unless the plan has it fail, and flips a bit of what it returned where the plan says so.
template <typename Read>
IOStatus ReadThrough(FaultPlan* plan, const std::string& path, Slice* result, char* scratch, const Read& read) {
  const FaultPlan::Decision decision = plan->Decide(FileOperation::kRead, path);
  if (decision.faulted) {
    *result = Slice();
    return decision.status;
  }
  IOStatus status = read();
  if (!status.ok() || !decision.flip_bit || result->empty()) return status;
  std::copy(result->data(), result->data() + result->size(), scratch);
  // Spread over the bytes, and not the same bit each time.
  const uint64_t bit = static_cast<uint64_t>(*decision.flip_bit) * 2654435761u % (result->size() * 8);
  scratch[bit / 8] = static_cast<char>(scratch[bit / 8] ^ (1 << bit % 8));
  *result = Slice(scratch, result->size());
  return status;
}

class Writer : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Writer(const FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const FaultPlan::Decision decision = files_.plan->Decide(FileOperation::kAppend, path_);
    if (!decision.faulted) return target()->Append(data, options, debug);
    if (decision.torn) {
      target()->Append(Slice(data.data(), data.size() / 2), options, debug).PermitUncheckedError();
    }
    return decision.status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override { return NoteSync(options, debug); }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return NoteSync(options, debug); }

 private:
  IOStatus NoteSync(const IOOptions& options, IODebugContext* debug) {
    // What others append meanwhile may or may not be covered.
    const uint64_t bytes = target()->GetFileSize(options, debug);
    FaultPlan::Decision decision = files_.plan->Decide(FileOperation::kSync, path_);
    if (!decision.faulted) files_.unsynced->Synced(path_, bytes);
    return decision.status;
  }

  const FaultyFiles files_;
  const std::string path_;
};

class SequentialReader : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  SequentialReader(const FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSSequentialFile> file)
      : FSSequentialFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  IOStatus Read(size_t n, const IOOptions& options, Slice* result, char* scratch, IODebugContext* debug) override {
    return ReadThrough(files_.plan, path_, result, scratch,
                       [&] { return target()->Read(n, options, result, scratch, debug); });
  }
  IOStatus PositionedRead(uint64_t offset, size_t n, const IOOptions& options, Slice* result, char* scratch,
                          IODebugContext* debug) override {
    return ReadThrough(files_.plan, path_, result, scratch,
                       [&] { return target()->PositionedRead(offset, n, options, result, scratch, debug); });
  }

 private:
  const FaultyFiles files_;
  const std::string path_;
};

class RandomReader : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RandomReader(const FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSRandomAccessFile> file)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    return ReadThrough(files_.plan, path_, result, scratch,
                       [&] { return target()->Read(offset, n, options, result, scratch, debug); });
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    return FSRandomAccessFile::MultiRead(requests, count, options, debug);  // one Read after the other
  }
  IOStatus Prefetch(uint64_t, size_t, const IOOptions&, IODebugContext*) override { return IOStatus::NotSupported(); }

 private:
  const FaultyFiles files_;
  const std::string path_;
};

class OpenDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  OpenDirectory(const FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), files_(files), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return NoteSync(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*, const rocksdb::DirFsyncOptions&) override {
    return NoteSync();
  }

 private:
  IOStatus NoteSync() {
    FaultPlan::Decision decision = files_.plan->Decide(FileOperation::kSyncDirectory, path_ + "/");
    if (!decision.faulted) files_.unsynced->DirectorySynced(path_);
    return decision.status;
  }

  const FaultyFiles files_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<rocksdb::FSWritableFile> FaultyFiles::Writable(const std::string& path,
                                                               std::unique_ptr<rocksdb::FSWritableFile> file) const {
  return std::make_unique<Writer>(*this, path, std::move(file));
}

std::unique_ptr<rocksdb::FSSequentialFile> FaultyFiles::Sequential(
    const std::string& path, std::unique_ptr<rocksdb::FSSequentialFile> file) const {
  return std::make_unique<SequentialReader>(*this, path, std::move(file));
}

std::unique_ptr<rocksdb::FSRandomAccessFile> FaultyFiles::RandomAccess(
    const std::string& path, std::unique_ptr<rocksdb::FSRandomAccessFile> file) const {
  return std::make_unique<RandomReader>(*this, path, std::move(file));
}

std::unique_ptr<rocksdb::FSDirectory> FaultyFiles::Directory(const std::string& path,
                                                             std::unique_ptr<rocksdb::FSDirectory> directory) const {
  return std::make_unique<OpenDirectory>(*this, path, std::move(directory));
}

}  // namespace expunge
