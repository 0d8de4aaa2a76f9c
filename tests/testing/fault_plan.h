#ifndef EXPUNGE_TESTING_FAULT_PLAN_H_
#define EXPUNGE_TESTING_FAULT_PLAN_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/notifier.h"
#include "rocksdb/io_status.h"

namespace expunge {

// What a database does with its files. Opening a file for reading and listing a directory are not counted.
enum class FileOperation { kAppend, kSync, kSyncDirectory, kCreate, kRename, kDelete, kRead };

std::string_view NameOf(FileOperation operation);

// All but reading.
const std::set<FileOperation>& FileChanges();

enum class FileFault {
  kNoSpace,  // the operation fails; an append writes half of its bytes first
  kIoError,  // the same with another error
  // An append writes half of its bytes and says that it wrote them all; another operation fails. From then on every
  // change fails, whatever `operations`, `files` and `once` say.
  kPowerLoss,
  kBitFlip,  // a read returns one bit that is not the file's
};

std::string_view NameOf(FileFault fault);

// The `nth` operation (from 0) of those kinds, on files whose path contains `files`, meets the fault, and so do all
// later ones unless `once`.
struct FaultInjection {
  std::set<FileOperation> operations;
  FileFault fault = FileFault::kIoError;
  int nth = 0;
  bool once = false;
  std::string files;
  int bit = 0;  // of kBitFlip: another number, another place
};

// Decides which operations meet a fault. Thread-safe.
class FaultPlan {
 public:
  struct Decision {
    bool faulted = false;  // the operation does not do its work, and returns `status`
    rocksdb::IOStatus status;
    bool torn = false;            // an append writes half of its bytes
    std::optional<int> flip_bit;  // the read goes well but for a bit, chosen by this number
  };

  // Forgets what was injected and counted before.
  void Inject(const FaultInjection& injection);
  void Heal();

  // Called once for each operation.
  Decision Decide(FileOperation operation, const std::string& path);

  bool failed() const;                      // whether an operation met the fault since Inject
  int matched() const;                      // operations that counted since Inject, until Heal
  std::string where() const;                // the first that met the fault: operation and file
  Notifier& changes() { return changes_; }  // told when the first operation meets the fault

 private:
  Decision DecideLocked(FileOperation operation, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Notifier changes_;
  mutable Mutex mutex_;
  std::optional<FaultInjection> injection_ ABSL_GUARDED_BY(mutex_);  // nullopt: healthy
  int matched_ ABSL_GUARDED_BY(mutex_) = 0;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::string where_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_FAULT_PLAN_H_
