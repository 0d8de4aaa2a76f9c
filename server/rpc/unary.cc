#include "rpc/unary.h"

#include <chrono>
#include <utility>

#include "base/error.h"
#include "rpc/status.h"

namespace expunge {
namespace {

bool IsPastDeadline(const grpc::CallbackServerContext& context) {
  return std::chrono::system_clock::now() >= context.deadline();
}

}  // namespace

bool IsAbandoned(const grpc::CallbackServerContext& context) {
  return context.IsCancelled() || IsPastDeadline(context);
}

absl::Status AbandonedError(const grpc::CallbackServerContext& context) {
  if (IsPastDeadline(context)) {
    return Error(absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
                 "the deadline passed before the reply was made");
  }
  return Error(absl::StatusCode::kCancelled, "CANCELLED", "the client cancelled the call");
}

grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, Executor* executor,
                                   WhenAbandoned when_abandoned, absl::AnyInvocable<absl::Status()> handler) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  executor->Schedule([context, reactor, when_abandoned, handler = std::move(handler)]() mutable {
    const bool dropped = when_abandoned == WhenAbandoned::kDrop && IsAbandoned(*context);
    const absl::Status status = dropped ? AbandonedError(*context) : handler();
    handler = nullptr;  // before the reply, after which the service may be gone that it refers to
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

grpc::ServerUnaryReactor* FinishUnary(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace expunge
