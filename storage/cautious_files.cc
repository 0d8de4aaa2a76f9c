#include "storage/cautious_files.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace expunge {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

constexpr absl::string_view kManifestPrefix = "MANIFEST-";
constexpr absl::string_view kTemporarySuffix = ".dbtmp";
constexpr absl::string_view kOptionsPrefix = "OPTIONS-";
constexpr absl::string_view kWalSuffix = ".log";
constexpr absl::string_view kCurrent = "CURRENT";

using Uncertain = std::shared_ptr<std::atomic<bool>>;

IOStatus Noted(IOStatus status, const Uncertain& uncertain) {
  if (!status.ok()) *uncertain = true;
  return status;
}

std::string FileName(const std::string& path) { return std::filesystem::path(path).filename().string(); }

std::optional<uint64_t> ManifestNumber(absl::string_view name) {
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&name, kManifestPrefix) || !absl::SimpleAtoi(name, &number)) return std::nullopt;
  return number;
}

// A MANIFEST, or what becomes CURRENT by a rename; OPTIONS are made the same way but say nothing about files.
bool SaysWhichFiles(absl::string_view name) {
  return absl::StartsWith(name, kManifestPrefix) ||
         (absl::EndsWith(name, kTemporarySuffix) && !absl::StartsWith(name, kOptionsPrefix));
}

class NotingFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  NotingFile(std::unique_ptr<rocksdb::FSWritableFile> file, Uncertain uncertain)
      : FSWritableFileOwnerWrapper(std::move(file)), uncertain_(std::move(uncertain)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Append(data, options, debug), uncertain_);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Append(data, options, info, debug), uncertain_);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug), uncertain_);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, info, debug), uncertain_);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Truncate(size, options, debug), uncertain_);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Close(options, debug), uncertain_);
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Flush(options, debug), uncertain_);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Sync(options, debug), uncertain_);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSWritableFileOwnerWrapper::Fsync(options, debug), uncertain_);
  }

 private:
  const Uncertain uncertain_;
};

class NotingDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  NotingDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, Uncertain uncertain)
      : FSDirectoryWrapper(std::move(directory)), uncertain_(std::move(uncertain)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Noted(FSDirectoryWrapper::Fsync(options, debug), uncertain_);
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& reason) override {
    return Noted(FSDirectoryWrapper::FsyncWithDirOptions(options, debug, reason), uncertain_);
  }

 private:
  const Uncertain uncertain_;
};

}  // namespace

CautiousEnv::CautiousEnv(rocksdb::Env* env) : CautiousEnv(env, std::make_shared<CautiousFiles>(env->GetFileSystem())) {}

CautiousEnv::CautiousEnv(rocksdb::Env* env, std::shared_ptr<CautiousFiles> files)
    : EnvWrapper(rocksdb::NewCompositeEnv(files)), files_(std::move(files)) {
  file_system_ = target()->GetFileSystem();
  system_clock_ = env->GetSystemClock();
}

IOStatus CautiousFiles::NewWritableFile(const std::string& path, const FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  const std::string name = FileName(path);
  if (absl::EndsWith(name, kWalSuffix)) {
    if (IOStatus status = wals_->Sync(options.io_options, debug); !status.ok()) return status;
    IOStatus status = target()->NewWritableFile(path, options, file, debug);
    if (status.ok()) *file = wals_->Added(std::move(*file));
    return status;
  }
  if (!SaysWhichFiles(name)) return target()->NewWritableFile(path, options, file, debug);
  IOStatus status = Noted(target()->NewWritableFile(path, options, file, debug), uncertain_);
  if (status.ok()) *file = std::make_unique<NotingFile>(std::move(*file), uncertain_);
  return status;
}

IOStatus CautiousFiles::NewDirectory(const std::string& path, const IOOptions& options,
                                     std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  IOStatus status = target()->NewDirectory(path, options, directory, debug);
  if (status.ok()) *directory = std::make_unique<NotingDirectory>(std::move(*directory), uncertain_);
  return status;
}

IOStatus CautiousFiles::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                   IODebugContext* debug) {
  IOStatus status = target()->RenameFile(from, to, options, debug);
  return FileName(to) == kCurrent ? Noted(std::move(status), uncertain_) : status;
}

IOStatus CautiousFiles::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (*uncertain_ && MayBeInUse(path)) {
    return IOStatus::IOError("kept until the database is reopened, because a MANIFEST could not be written", path);
  }
  return target()->DeleteFile(path, options, debug);
}

bool CautiousFiles::MayBeInUse(const std::string& path) {
  const std::string name = FileName(path);
  if (const std::optional<uint64_t> manifest = ManifestNumber(name)) {
    std::string current;
    const std::string file = (std::filesystem::path(path).parent_path() / kCurrent.data()).string();
    if (!rocksdb::ReadFileToString(target(), file, &current).ok()) return true;
    const std::optional<uint64_t> in_use = ManifestNumber(absl::StripTrailingAsciiWhitespace(current));
    return !in_use || *manifest <= *in_use;
  }
  return absl::EndsWith(name, ".sst") || absl::EndsWith(name, ".blob") || absl::EndsWith(name, kWalSuffix);
}

}  // namespace expunge
