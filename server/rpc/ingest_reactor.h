#ifndef EXPUNGE_RPC_INGEST_REACTOR_H_
#define EXPUNGE_RPC_INGEST_REACTOR_H_

#include <array>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "catalog/ingestor.h"
#include "expunge/v1/model_service.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"

namespace expunge {

// The receiving end of IngestSamples. While one message is stored on the executor, the next one is read; no more, so a
// stream holds two messages at most and a fast client waits for the disk. Owns itself.
// It takes messages as bytes and parses them itself: gRPC reports one that does not parse just as it reports the end.
class IngestReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  // Nothing is owned. `response` is gRPC's.
  IngestReactor(grpc::CallbackServerContext* context, Executor* executor, Catalog* catalog, Ingestor* ingestor,
                grpc::ByteBuffer* response);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  using Buffer = grpc::ByteBuffer;

  // Starts what can be started. True: there is nothing more to do than to reply, which the caller does when it has let
  // go of the lock, because a reply may destroy the reactor.
  bool Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // On the executor, one at a time.
  void Store();
  absl::Status StoreMessage(Buffer* message);
  absl::Status StoreBatch(const v1::SampleBatch& batch);
  void Reply(absl::Status status);
  void ReplyToEnd();

  grpc::CallbackServerContext* const context_;
  Executor* const executor_;
  Catalog* const catalog_;
  Ingestor* const ingestor_;
  grpc::ByteBuffer* const response_;

  // By whoever stores.
  std::shared_ptr<ModelEntry> model_;
  bool new_consent_ = false;
  uint64_t batches_ = 0;
  IngestCounts counts_;

  Mutex mutex_;
  std::array<Buffer, 2> buffers_;                       // `reading_` and `storing_` say who has one
  Buffer* to_store_ ABSL_GUARDED_BY(mutex_) = nullptr;  // read, not yet being stored
  Buffer* reading_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Buffer* storing_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;    // the client has sent everything, or is gone
  bool replied_ ABSL_GUARDED_BY(mutex_) = false;  // nothing may be started any more
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_INGEST_REACTOR_H_
