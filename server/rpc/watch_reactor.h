#ifndef EXPUNGE_RPC_WATCH_REACTOR_H_
#define EXPUNGE_RPC_WATCH_REACTOR_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/notifier.h"
#include "grpcpp/alarm.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "rpc/drain.h"
#include "rpc/status.h"
#include "rpc/unary.h"

namespace expunge {

// A stream of a resource's states: the present one, then a new one after changes, until `read` says that it was the
// last, the client leaves, or the server drains. Changes that come faster than messages go, or than every 50 ms, are
// left out. Owns itself.
template <typename Resource>
class WatchReactor final : public grpc::ServerWriteReactor<Resource> {
 public:
  struct State {
    Resource resource;
    bool last = false;
  };
  using Read = std::function<absl::StatusOr<State>()>;

  // `read` runs on `executor`. `keep_alive` is held until the stream has ended; it owns `changes`, if anything has to.
  WatchReactor(grpc::CallbackServerContext* context, Executor* executor, Drain* drain, Notifier* changes,
               std::shared_ptr<void> keep_alive, Read read)
      : context_(context),
        executor_(executor),
        drain_(drain),
        keep_alive_(std::move(keep_alive)),
        read_(std::move(read)),
        on_change_(changes->Subscribe([this] { Changed(); })),
        on_drain_(drain->changes().Subscribe([this] { Changed(); })) {
    Changed();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(ToGrpcStatus(AbandonedError(*context_)));
    if (written_.last) return this->Finish(grpc::Status::OK);
    Pause();
  }

  void OnCancel() override { Changed(); }
  void OnDone() override { delete this; }

 private:
  static constexpr std::chrono::milliseconds kInterval{50};

  // Something is to be looked at. `busy_` stands for the one activity: a scheduled Step, a write, or the pause after
  // either. Whoever finishes the stream leaves it set, so that nothing begins after that.
  void Changed() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    changed_ = true;
    if (busy_) return;
    busy_ = true;
    ScheduleStep();
  }

  void Pause() {
    alarm_.Set(std::chrono::system_clock::now() + kInterval, [this](bool) { Continue(); });
  }

  void Continue() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    busy_ = changed_;
    if (busy_) ScheduleStep();
  }

  void ScheduleStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    executor_->Schedule([this] { Step(); });
  }

  void Step() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      // Also waits until whoever scheduled this has let go: finishing may destroy the reactor.
      MutexLock lock(&mutex_);
      changed_ = false;
    }
    if (IsAbandoned(*context_)) return this->Finish(ToGrpcStatus(AbandonedError(*context_)));
    if (drain_->begun()) return this->Finish(ToGrpcStatus(Drain::Error()));
    absl::StatusOr<State> state = read_();
    if (!state.ok()) return this->Finish(ToGrpcStatus(state.status()));
    std::string bytes = state->resource.SerializeAsString();
    if (bytes == written_bytes_ && !state->last) return Pause();  // another resource changed
    written_ = *std::move(state);
    written_bytes_ = std::move(bytes);
    this->StartWrite(&written_.resource);
  }

  grpc::CallbackServerContext* const context_;
  Executor* const executor_;
  Drain* const drain_;
  const std::shared_ptr<void> keep_alive_;
  const Read read_;
  State written_;              // by the one activity
  std::string written_bytes_;  // by the one activity
  grpc::Alarm alarm_;
  Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  // Last, so that no callback comes any more when the rest is destroyed.
  const std::unique_ptr<Notifier::Subscription> on_change_;
  const std::unique_ptr<Notifier::Subscription> on_drain_;
};

// A stream that ends at once.
template <typename Resource>
grpc::ServerWriteReactor<Resource>* FinishStream(const absl::Status& status) {
  class Reactor final : public grpc::ServerWriteReactor<Resource> {
   public:
    explicit Reactor(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }
    void OnDone() override { delete this; }
  };
  return new Reactor(status);
}

}  // namespace expunge

#endif  // EXPUNGE_RPC_WATCH_REACTOR_H_
