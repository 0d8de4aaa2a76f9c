#ifndef EXPUNGE_TESTING_INLINE_EXECUTOR_H_
#define EXPUNGE_TESTING_INLINE_EXECUTOR_H_

#include "absl/functional/any_invocable.h"
#include "base/executor.h"

namespace expunge {

// Runs each task before Schedule returns, on the caller's thread: concurrent code, step by step.
class InlineExecutor : public Executor {
 public:
  void Schedule(absl::AnyInvocable<void()> task) override { task(); }
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_INLINE_EXECUTOR_H_
