#ifndef EXPUNGE_UNLEARNING_FORGET_QUEUE_H_
#define EXPUNGE_UNLEARNING_FORGET_QUEUE_H_

#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "unlearning/unlearner.h"

namespace expunge {

// Gathers the Forgets that arrive while others are written: the more wait, the more share the next synced write. One
// that finds nothing being written begins at once; beside those being written, the next ones begin when as many wait.
// So every write has a fair part of the callers, and none waits for a clock. Thread-safe. Outlives the calls of `done`
// that it owes.
class ForgetQueue {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<ForgetResult>)>;

  // Not owned. Where `executor` has several threads, one prepares the next write while another waits for the disk.
  ForgetQueue(Unlearner* unlearner, Executor* executor) : unlearner_(unlearner), executor_(executor) {}

  // Unlearner::Forget. `done` is called once, on the executor, and must not wait.
  void Submit(ForgetRequest request, Done done);

 private:
  struct Entry {
    ForgetRequest request;
    Done done;
  };

  void RunBatch();
  std::vector<Entry> TakeBatch();
  // Whether a RunBatch is to be scheduled, by who asks: it counts as scheduled now.
  bool ClaimRun() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ScheduleIf(bool claimed);
  static size_t Counted(const std::vector<Entry>& batch);

  Unlearner* const unlearner_;
  Executor* const executor_;
  Mutex mutex_;
  std::deque<Entry> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t running_ ABSL_GUARDED_BY(mutex_) = 0;      // entries taken and not yet answered, of those that are counted
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;  // a RunBatch that has not taken its entries
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_FORGET_QUEUE_H_
