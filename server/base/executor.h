#ifndef EXPUNGE_BASE_EXECUTOR_H_
#define EXPUNGE_BASE_EXECUTOR_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "base/mutex.h"

namespace expunge {

// Runs closures somewhere else, or at once (InlineExecutor in tests/testing). Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Schedule(absl::AnyInvocable<void()> task) = 0;
};

// A fixed number of threads, at least one, over one queue. Destruction runs every task already scheduled, and those
// that they schedule, then joins.
class ThreadPool : public Executor {
 public:
  ThreadPool(const std::string& name, int threads);  // `name` shows in `top -H`; 15 characters at most
  ~ThreadPool() override;

  void Schedule(absl::AnyInvocable<void()> task) override;

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// Names the calling thread, for debuggers and `top -H`.
void NameThisThread(const std::string& name);

}  // namespace expunge

#endif  // EXPUNGE_BASE_EXECUTOR_H_
