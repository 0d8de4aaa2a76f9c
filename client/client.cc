#include "client/client.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "client/rpc_status.h"
#include "expunge/v1/admin_service.grpc.pb.h"
#include "expunge/v1/audit_service.grpc.pb.h"
#include "expunge/v1/erasure_service.grpc.pb.h"
#include "expunge/v1/model_service.grpc.pb.h"
#include "expunge/v1/prediction_service.grpc.pb.h"

namespace expunge {
namespace {

// A report of Audit can be large: up to 1024 shards x 256 slices for each model.
constexpr int kMaxReceiveBytes = 256 << 20;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  // A proxy from the environment is meant for the web, and would be asked even for localhost.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A restarted server is found again in a moment, not after gRPC's two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Notices a machine that vanished without closing its connections. Servers refuse pings more often than every 5
  // minutes.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 310'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Batches on their way from the thread that makes them to the one that sends them. Thread-safe.
class BatchQueue {
 public:
  // False when the reader has gone.
  bool Push(v1::IngestSamplesRequest request) {
    MutexLock lock(&mutex_);
    while (reading_ && requests_.size() >= Client::kBatchesAhead) changed_.Wait(&mutex_);
    if (!reading_) return false;
    requests_.push_back(std::move(request));
    changed_.Signal();
    return true;
  }

  // False when the writer has closed and everything was taken.
  bool Pop(v1::IngestSamplesRequest* request) {
    MutexLock lock(&mutex_);
    while (writing_ && requests_.empty()) changed_.Wait(&mutex_);
    if (requests_.empty()) return false;
    *request = std::move(requests_.front());
    requests_.pop_front();
    changed_.Signal();
    return true;
  }

  void CloseWriting() {
    MutexLock lock(&mutex_);
    writing_ = false;
    changed_.Signal();
  }

  void CloseReading() {
    MutexLock lock(&mutex_);
    reading_ = false;
    changed_.Signal();
  }

 private:
  Mutex mutex_;
  CondVar changed_;  // one thread at most waits: either there is no room, or there is no work
  std::deque<v1::IngestSamplesRequest> requests_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = true;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
};

}  // namespace

struct Client::Impl {
  explicit Impl(Options with_options) : options(std::move(with_options)), channel(MakeChannel(options.address)) {}

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) const {
    return CallWithin(options.timeout, stub, method, request);
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallWithin(absl::Duration timeout, Stub& stub,
                                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                      const Request& request) const {
    grpc::ClientContext context;
    if (timeout < absl::InfiniteDuration()) context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    Response response;
    RETURN_IF_ERROR(FromGrpcStatus((stub.*method)(&context, request, &response), options.address, timeout));
    return response;
  }

  template <typename Stub, typename Request, typename Message>
  absl::Status Follow(Stub& stub,
                      std::unique_ptr<grpc::ClientReader<Message>> (Stub::*method)(grpc::ClientContext*,
                                                                                   const Request&),
                      const Request& request, const std::function<bool(const Message&)>& visit) const {
    grpc::ClientContext context;
    const auto reader = (stub.*method)(&context, request);
    Message message;
    while (reader->Read(&message)) {
      if (visit(message)) continue;
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
    return FromGrpcStatus(reader->Finish(), options.address);
  }

  const Options options;
  const std::shared_ptr<grpc::Channel> channel;
  v1::ModelService::Stub models{channel};
  v1::PredictionService::Stub predictions{channel};
  v1::ErasureService::Stub erasures{channel};
  v1::AuditService::Stub audits{channel};
  v1::AdminService::Stub admin{channel};
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

absl::StatusOr<v1::Model> Client::CreateModel(const v1::CreateModelRequest& request) {
  return impl_->Call(impl_->models, &v1::ModelService::Stub::CreateModel, request);
}

absl::StatusOr<v1::Model> Client::GetModel(const v1::GetModelRequest& request) {
  return impl_->Call(impl_->models, &v1::ModelService::Stub::GetModel, request);
}

absl::StatusOr<v1::ListModelsResponse> Client::ListModels(const v1::ListModelsRequest& request) {
  return impl_->Call(impl_->models, &v1::ModelService::Stub::ListModels, request);
}

absl::Status Client::DeleteModel(const v1::DeleteModelRequest& request) {
  return impl_->Call(impl_->models, &v1::ModelService::Stub::DeleteModel, request).status();
}

absl::StatusOr<v1::Model> Client::TrainModel(const v1::TrainModelRequest& request) {
  return impl_->Call(impl_->models, &v1::ModelService::Stub::TrainModel, request);
}

absl::StatusOr<v1::IngestSamplesResponse> Client::IngestSamples(const v1::IngestStart& start,
                                                                const NextBatch& next_batch) {
  grpc::ClientContext context;
  v1::IngestSamplesResponse response;
  const auto writer = impl_->models.IngestSamples(&context, &response);

  BatchQueue queue;
  v1::IngestSamplesRequest first;
  *first.mutable_start() = start;
  queue.Push(std::move(first));
  std::thread sender([&] {
    v1::IngestSamplesRequest request;
    while (queue.Pop(&request)) {
      if (!writer->Write(request)) break;  // the stream has ended; Finish says why
    }
    queue.CloseReading();
  });

  absl::Status source_status;
  for (;;) {
    v1::IngestSamplesRequest request;
    const auto more = next_batch(request.mutable_batch());
    if (!more.ok()) source_status = more.status();
    if (!more.ok() || !*more || !queue.Push(std::move(request))) break;
  }
  if (!source_status.ok()) context.TryCancel();
  queue.CloseWriting();
  sender.join();
  if (source_status.ok()) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  RETURN_IF_ERROR(source_status);
  RETURN_IF_ERROR(FromGrpcStatus(status, impl_->options.address));
  return response;
}

absl::Status Client::WatchModel(const v1::WatchModelRequest& request,
                                const std::function<bool(const v1::Model&)>& visit) {
  return impl_->Follow(impl_->models, &v1::ModelService::Stub::WatchModel, request, visit);
}

absl::StatusOr<v1::PredictResponse> Client::Predict(const v1::PredictRequest& request) {
  return impl_->Call(impl_->predictions, &v1::PredictionService::Stub::Predict, request);
}

absl::StatusOr<v1::Erasure> Client::Forget(const v1::ForgetRequest& request) {
  return impl_->Call(impl_->erasures, &v1::ErasureService::Stub::Forget, request);
}

absl::StatusOr<v1::Erasure> Client::GetErasure(const v1::GetErasureRequest& request) {
  return impl_->Call(impl_->erasures, &v1::ErasureService::Stub::GetErasure, request);
}

absl::StatusOr<v1::ListErasuresResponse> Client::ListErasures(const v1::ListErasuresRequest& request) {
  return impl_->Call(impl_->erasures, &v1::ErasureService::Stub::ListErasures, request);
}

absl::Status Client::WatchErasure(const v1::WatchErasureRequest& request,
                                  const std::function<bool(const v1::Erasure&)>& visit) {
  return impl_->Follow(impl_->erasures, &v1::ErasureService::Stub::WatchErasure, request, visit);
}

absl::StatusOr<v1::Erasure> Client::RetryErasure(const v1::RetryErasureRequest& request) {
  return impl_->Call(impl_->erasures, &v1::ErasureService::Stub::RetryErasure, request);
}

absl::StatusOr<v1::Backup> Client::CreateBackup(const v1::CreateBackupRequest& request) {
  return impl_->CallWithin(absl::InfiniteDuration(), impl_->admin, &v1::AdminService::Stub::CreateBackup, request);
}

absl::StatusOr<v1::ReclaimResponse> Client::Reclaim(const v1::ReclaimRequest& request) {
  return impl_->CallWithin(absl::InfiniteDuration(), impl_->admin, &v1::AdminService::Stub::Reclaim, request);
}

absl::StatusOr<v1::AuditReport> Client::Audit(const v1::AuditRequest& request) {
  return impl_->Call(impl_->audits, &v1::AuditService::Stub::Audit, request);
}

absl::StatusOr<v1::Certificate> Client::GetCertificate(const v1::GetCertificateRequest& request) {
  return impl_->Call(impl_->audits, &v1::AuditService::Stub::GetCertificate, request);
}

absl::StatusOr<v1::LogCheckpoint> Client::GetLogCheckpoint(const v1::GetLogCheckpointRequest& request) {
  return impl_->Call(impl_->audits, &v1::AuditService::Stub::GetLogCheckpoint, request);
}

absl::StatusOr<v1::InclusionProof> Client::GetInclusionProof(const v1::GetInclusionProofRequest& request) {
  return impl_->Call(impl_->audits, &v1::AuditService::Stub::GetInclusionProof, request);
}

absl::StatusOr<v1::ConsistencyProof> Client::GetConsistencyProof(const v1::GetConsistencyProofRequest& request) {
  return impl_->Call(impl_->audits, &v1::AuditService::Stub::GetConsistencyProof, request);
}

absl::StatusOr<v1::ListLogEntriesResponse> Client::ListLogEntries(const v1::ListLogEntriesRequest& request) {
  return impl_->Call(impl_->audits, &v1::AuditService::Stub::ListLogEntries, request);
}

absl::Status Client::ReplayShard(const v1::ReplayShardRequest& request,
                                 const std::function<bool(const v1::ReplayProgress&)>& visit) {
  return impl_->Follow(impl_->audits, &v1::AuditService::Stub::ReplayShard, request, visit);
}

}  // namespace expunge
