#ifndef EXPUNGE_RPC_INFERENCE_SERVICE_H_
#define EXPUNGE_RPC_INFERENCE_SERVICE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/catalog.h"
#include "inference/inference_service.grpc.pb.h"
#include "rpc/arena_messages.h"
#include "rpc/drain.h"
#include "rpc/model_predictor.h"

namespace expunge {

// The Open Inference Protocol v2, for clients of KServe and Triton.
class InferenceService final : public inference::GRPCInferenceService::CallbackService {
 public:
  // Not owned.
  struct Parts {
    const Catalog* catalog;
    ModelPredictor* predictor;
    const Drain* drain;
  };
  explicit InferenceService(const Parts& parts) : parts_(parts) { SetMessageAllocatorFor_ModelInfer(&messages_); }

  // What says whether to call, and how, waits for nothing: it is answered while every thread that computes is busy.
  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext* context,
                                       const inference::ServerLiveRequest* request,
                                       inference::ServerLiveResponse* response) override;
  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext* context,
                                        const inference::ServerReadyRequest* request,
                                        inference::ServerReadyResponse* response) override;
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext* context,
                                       const inference::ModelReadyRequest* request,
                                       inference::ModelReadyResponse* response) override;
  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext* context,
                                           const inference::ServerMetadataRequest* request,
                                           inference::ServerMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext* context,
                                          const inference::ModelMetadataRequest* request,
                                          inference::ModelMetadataResponse* response) override;

  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const inference::ModelInferRequest* request,
                                       inference::ModelInferResponse* response) override;

 private:
  absl::StatusOr<bool> IsReady(const inference::ModelReadyRequest& request) const;
  absl::StatusOr<inference::ModelMetadataResponse> Metadata(const inference::ModelMetadataRequest& request) const;
  absl::StatusOr<ModelInputs> Parse(const inference::ModelInferRequest& request) const;

  const Parts parts_;
  ArenaMessages<inference::ModelInferRequest, inference::ModelInferResponse> messages_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_INFERENCE_SERVICE_H_
