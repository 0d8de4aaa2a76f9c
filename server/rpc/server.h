#ifndef EXPUNGE_RPC_SERVER_H_
#define EXPUNGE_RPC_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "engine/engine.h"
#include "grpcpp/server.h"
#include "rpc/admin_service.h"
#include "rpc/audit_service.h"
#include "rpc/drain.h"
#include "rpc/erasure_service.h"
#include "rpc/inference_service.h"
#include "rpc/model_predictor.h"
#include "rpc/model_service.h"
#include "rpc/prediction_service.h"
#include "rpc/running_calls.h"
#include "rpc/watch_limit.h"
#include "serving/batcher.h"

namespace expunge {

inline constexpr size_t kMinMessageBytes = size_t{64} << 10;
inline constexpr size_t kMaxMessageBytes = size_t{1} << 30;
inline constexpr int kMaxWatches = 1'000'000;

// The gRPC server with our five services and the Open Inference Protocol's, grpc.health.v1 for each of them, and
// reflection. Thread-safe.
class Server {
 public:
  struct Options {
    std::string listen = "127.0.0.1:7400";        // HOST:PORT; port 0: a free one
    size_t max_message_bytes = size_t{16} << 20;  // received; larger ones are refused with RESOURCE_EXHAUSTED
    int max_watches = 1000;                       // streams of WatchErasure and WatchModel at a time
  };

  // Not owned; all outlive the server.
  struct Parts {
    Engine* engine;  // recovered
    const Clock* clock;
    Executor* io;      // waits for the disk
    Executor* forget;  // waits for the disk with Forgets alone: nothing that takes long may keep them waiting
    Batcher* batcher;  // computes answers
    Executor* replay;  // trains for hours, below everything else in priority
    Executor* admin;   // copies and rewrites files for minutes, below everything else in priority
  };

  // Serves when it returns. INVALID_ARGUMENT: an option is
  // malformed, or the address is not a loopback one: without TLS nobody else may connect. FAILED_PRECONDITION
  // (LISTEN_ADDRESS_UNAVAILABLE): the port is in use, or the address not on this machine.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options, const Parts& parts);

  ~Server();  // drains without grace

  int port() const { return port_; }

  // Health turns NOT_SERVING, no call is accepted any more, streams that have no end of their own are ended. Calls that
  // run may finish for `grace`, then they are cancelled. Returns when none runs. Who is connected and calls nothing has
  // a second to hang up and is not waited for longer.
  void Drain(absl::Duration grace);

 private:
  Server(const Options& options, const Parts& parts);

  class Drain drain_;
  RunningCalls calls_;
  WatchLimit watches_;
  ModelPredictor predictor_;
  PredictionService prediction_service_;
  InferenceService inference_service_;
  ErasureService erasure_service_;
  AuditService audit_service_;
  ModelService model_service_;
  AdminService admin_service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;  // last: its end is the end of every call
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_SERVER_H_
