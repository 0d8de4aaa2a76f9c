#include "rpc/running_calls.h"

#include <string_view>

#include "absl/time/clock.h"

namespace expunge {

// gRPC destroys it when the call has ended.
class RunningCalls::Call final : public grpc::experimental::Interceptor {
 public:
  explicit Call(RunningCalls* calls) : calls_(calls) {
    MutexLock lock(&calls_->mutex_);
    ++calls_->running_;
  }
  ~Call() override {
    MutexLock lock(&calls_->mutex_);
    if (--calls_->running_ == 0) calls_->changed_.SignalAll();
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override { methods->Proceed(); }

 private:
  RunningCalls* const calls_;
};

class RunningCalls::Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(RunningCalls* calls) : calls_(calls) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    const std::string_view method = info->method();
    const bool ours = method.starts_with("/expunge.") || method.starts_with("/inference.");
    return ours ? new Call(calls_) : nullptr;
  }

 private:
  RunningCalls* const calls_;
};

bool RunningCalls::WaitUntilNone(absl::Time deadline) {
  MutexLock lock(&mutex_);
  while (running_ > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    changed_.WaitWithTimeout(&mutex_, left);
  }
  return true;
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> RunningCalls::Counter() {
  return std::make_unique<Factory>(this);
}

}  // namespace expunge
