#include "tests/testing/fault_plan.h"

#include <cstdlib>

namespace expunge {

std::string_view NameOf(FileOperation operation) {
  switch (operation) {
    case FileOperation::kAppend:
      return "append";
    case FileOperation::kSync:
      return "sync";
    case FileOperation::kSyncDirectory:
      return "directory sync";
    case FileOperation::kCreate:
      return "create";
    case FileOperation::kRename:
      return "rename";
    case FileOperation::kDelete:
      return "delete";
    case FileOperation::kRead:
      return "read";
  }
  std::abort();
}

const std::set<FileOperation>& FileChanges() {
  static const auto& changes =
      *new std::set<FileOperation>{FileOperation::kAppend, FileOperation::kSync,   FileOperation::kSyncDirectory,
                                   FileOperation::kCreate, FileOperation::kRename, FileOperation::kDelete};
  return changes;
}

std::string_view NameOf(FileFault fault) {
  switch (fault) {
    case FileFault::kNoSpace:
      return "no space";
    case FileFault::kIoError:
      return "I/O error";
    case FileFault::kPowerLoss:
      return "power loss";
    case FileFault::kBitFlip:
      return "bit flip";
  }
  std::abort();
}

void FaultPlan::Inject(const FaultInjection& injection) {
  const MutexLock lock(&mutex_);
  injection_ = injection;
  matched_ = 0;
  failed_ = false;
  where_.clear();
}

void FaultPlan::Heal() {
  const MutexLock lock(&mutex_);
  injection_.reset();
}

FaultPlan::Decision FaultPlan::Decide(FileOperation operation, const std::string& path) {
  bool first = false;
  Decision decision;
  {
    const MutexLock lock(&mutex_);
    const bool failed_before = failed_;
    decision = DecideLocked(operation, path);
    first = failed_ && !failed_before;
    if (first) where_.append(NameOf(operation)).append(" of ").append(path);
  }
  if (first) changes_.Notify();
  return decision;
}

FaultPlan::Decision FaultPlan::DecideLocked(FileOperation operation, const std::string& path) {
  if (!injection_) return {};
  if (failed_ && injection_->fault == FileFault::kPowerLoss) {
    if (operation == FileOperation::kRead) return {};
    return {.faulted = true, .status = rocksdb::IOStatus::IOError("injected: no power")};
  }
  if (!injection_->operations.contains(operation) || path.find(injection_->files) == std::string::npos) return {};
  const int number = matched_++;
  if (injection_->once ? number != injection_->nth : number < injection_->nth) return {};
  failed_ = true;
  Decision decision = {.faulted = true, .torn = operation == FileOperation::kAppend};
  switch (injection_->fault) {
    case FileFault::kNoSpace:
      decision.status = rocksdb::IOStatus::NoSpace("injected");
      decision.status.SetRetryable(true);  // as the system's
      break;
    case FileFault::kPowerLoss:
      if (operation == FileOperation::kAppend) break;
      [[fallthrough]];
    case FileFault::kIoError:
      decision.status = rocksdb::IOStatus::IOError("injected");
      break;
    case FileFault::kBitFlip:
      return {.flip_bit = number + injection_->bit};
  }
  return decision;
}

bool FaultPlan::failed() const {
  const MutexLock lock(&mutex_);
  return failed_;
}

int FaultPlan::matched() const {
  const MutexLock lock(&mutex_);
  return matched_;
}

std::string FaultPlan::where() const {
  const MutexLock lock(&mutex_);
  return where_;
}

}  // namespace expunge
