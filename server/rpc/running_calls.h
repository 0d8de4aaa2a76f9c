#ifndef EXPUNGE_RPC_RUNNING_CALLS_H_
#define EXPUNGE_RPC_RUNNING_CALLS_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "grpcpp/support/server_interceptor.h"

namespace expunge {

// Counts the calls of our own services that run, from their arrival until their status is on its way. Those of health
// and reflection are not counted: a stream of them may last as long as its client. Thread-safe.
class RunningCalls {
 public:
  // False when some still run at `deadline`.
  bool WaitUntilNone(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

  // For grpc::ServerBuilder. This outlives the server.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> Counter();

 private:
  class Call;
  class Factory;

  Mutex mutex_;
  CondVar changed_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_RUNNING_CALLS_H_
