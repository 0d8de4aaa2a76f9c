#ifndef EXPUNGE_CLIENT_CLIENT_H_
#define EXPUNGE_CLIENT_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "expunge/v1/admin_service.pb.h"
#include "expunge/v1/audit_service.pb.h"
#include "expunge/v1/erasure_service.pb.h"
#include "expunge/v1/model_service.pb.h"
#include "expunge/v1/prediction_service.pb.h"

namespace expunge {

// One server, over one channel that connects when first used and again after every loss. Thread-safe.
//
// The calls block. Their requests and replies are the messages of proto/expunge/v1, which say what each RPC does and
// which errors it has. Errors carry the server's reason, field, retry time and metadata (base/error.h,
// client/rpc_status.h). When no server answers: UNAVAILABLE, reason SERVER_UNREACHABLE.
//
// Deadlines: a call with one reply ends after Options::timeout with DEADLINE_EXCEEDED, reason NO_ANSWER_IN_TIME;
// whether the server did the work is then unknown, so repeat only what is idempotent (all but CreateModel and
// DeleteModel, which then answer ALREADY_EXISTS and NOT_FOUND). Streams have no deadline; they end with their work, or
// when the connection dies.
class Client {
 public:
  struct Options {
    std::string address;  // "host:port", or any other gRPC target ("unix:/run/expunge.sock")
    absl::Duration timeout = absl::Seconds(60);
  };

  explicit Client(Options options);
  ~Client();  // no call may be running

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // --- ModelService
  absl::StatusOr<v1::Model> CreateModel(const v1::CreateModelRequest& request);
  absl::StatusOr<v1::Model> GetModel(const v1::GetModelRequest& request);
  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request);
  absl::Status DeleteModel(const v1::DeleteModelRequest& request);
  absl::StatusOr<v1::Model> TrainModel(const v1::TrainModelRequest& request);

  // Fills an empty batch and returns true, or returns false when there are no more. An error cancels the stream and is
  // returned; the batches before stay on the server.
  using NextBatch = std::function<absl::StatusOr<bool>(v1::SampleBatch*)>;
  // Calls `next_batch` on this thread while another one sends, at most kBatchesAhead batches behind: memory is bounded
  // by that many batches. About 1 MiB is a good size for one.
  static constexpr int kBatchesAhead = 4;
  absl::StatusOr<v1::IngestSamplesResponse> IngestSamples(const v1::IngestStart& start, const NextBatch& next_batch);

  // The streams below call `visit` with each message, on this thread. When it returns false, the stream is cancelled
  // and the call returns OK; so it does when the server ends the stream with OK.
  absl::Status WatchModel(const v1::WatchModelRequest& request, const std::function<bool(const v1::Model&)>& visit);

  // --- PredictionService
  absl::StatusOr<v1::PredictResponse> Predict(const v1::PredictRequest& request);

  // --- ErasureService
  absl::StatusOr<v1::Erasure> Forget(const v1::ForgetRequest& request);
  absl::StatusOr<v1::Erasure> GetErasure(const v1::GetErasureRequest& request);
  absl::StatusOr<v1::ListErasuresResponse> ListErasures(const v1::ListErasuresRequest& request);
  absl::Status WatchErasure(const v1::WatchErasureRequest& request,
                            const std::function<bool(const v1::Erasure&)>& visit);
  absl::StatusOr<v1::Erasure> RetryErasure(const v1::RetryErasureRequest& request);

  // --- AdminService; without a deadline
  absl::StatusOr<v1::Backup> CreateBackup(const v1::CreateBackupRequest& request);
  absl::StatusOr<v1::ReclaimResponse> Reclaim(const v1::ReclaimRequest& request);

  // --- AuditService
  absl::StatusOr<v1::AuditReport> Audit(const v1::AuditRequest& request);
  absl::StatusOr<v1::Certificate> GetCertificate(const v1::GetCertificateRequest& request);
  absl::StatusOr<v1::LogCheckpoint> GetLogCheckpoint(const v1::GetLogCheckpointRequest& request);
  absl::StatusOr<v1::InclusionProof> GetInclusionProof(const v1::GetInclusionProofRequest& request);
  absl::StatusOr<v1::ConsistencyProof> GetConsistencyProof(const v1::GetConsistencyProofRequest& request);
  absl::StatusOr<v1::ListLogEntriesResponse> ListLogEntries(const v1::ListLogEntriesRequest& request);
  absl::Status ReplayShard(const v1::ReplayShardRequest& request,
                           const std::function<bool(const v1::ReplayProgress&)>& visit);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_CLIENT_H_
