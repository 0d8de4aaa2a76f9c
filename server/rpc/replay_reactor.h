#ifndef EXPUNGE_RPC_REPLAY_REACTOR_H_
#define EXPUNGE_RPC_REPLAY_REACTOR_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "expunge/v1/audit_service.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "model/trainer.h"
#include "rpc/drain.h"
#include "storage/keyring.h"
#include "storage/store.h"
#include "unlearning/replayer.h"

namespace expunge {

// The sending end of ReplayShard: replays the shards one after the other on the executor. Progress that comes faster
// than messages go is left out; no verdict is. Owns itself.
class ReplayReactor final : public grpc::ServerWriteReactor<v1::ReplayProgress> {
 public:
  // Not owned.
  struct Parts {
    Store* store;
    Keyring* keyring;
    const Trainer* trainer;
    const Clock* clock;
    Executor* executor;
    Drain* drain;
  };

  ReplayReactor(grpc::CallbackServerContext* context, const Parts& parts, std::shared_ptr<ModelEntry> model,
                std::vector<uint32_t> shards, bool log_verdicts);

  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  absl::Status ReplayAll();
  absl::Status ReplayOne(uint32_t shard);
  absl::StatusOr<uint64_t> LogVerdict(uint32_t shard, const ReplayVerdict& verdict);  // its place in the log
  void Tell(v1::ReplayProgress message) ABSL_LOCKS_EXCLUDED(mutex_);
  // Starts the next write. True: all is written, and the caller finishes when it has let go of the lock, because that
  // may destroy the reactor.
  bool Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::CallbackServerContext* const context_;
  const Parts parts_;
  const std::shared_ptr<ModelEntry> model_;
  const std::vector<uint32_t> shards_;
  const bool log_verdicts_;

  Mutex mutex_;
  std::deque<v1::ReplayProgress> waiting_ ABSL_GUARDED_BY(mutex_);
  v1::ReplayProgress written_;  // by the write under way
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status result_;  // before ended_
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_REPLAY_REACTOR_H_
