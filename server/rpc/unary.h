#ifndef EXPUNGE_RPC_UNARY_H_
#define EXPUNGE_RPC_UNARY_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/executor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

namespace expunge {

// Nobody waits for the reply any more: the client cancelled, or the deadline has passed. Thread-safe while the RPC
// lives.
bool IsAbandoned(const grpc::CallbackServerContext& context);

// DEADLINE_EXCEEDED or CANCELLED, whichever it was.
absl::Status AbandonedError(const grpc::CallbackServerContext& context);

enum class WhenAbandoned {
  kDrop,  // an RPC that is abandoned while it waits for a thread is not carried out
  kRun,   // it is carried out nevertheless
};

// Runs `handler` on `executor`, so that gRPC's own threads never block, and replies with its status. The request and
// the response live until then.
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, Executor* executor,
                                   WhenAbandoned when_abandoned, absl::AnyInvocable<absl::Status()> handler);

// Replies at once.
grpc::ServerUnaryReactor* FinishUnary(grpc::CallbackServerContext* context, const absl::Status& status);

}  // namespace expunge

#endif  // EXPUNGE_RPC_UNARY_H_
