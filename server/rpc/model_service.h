#ifndef EXPUNGE_RPC_MODEL_SERVICE_H_
#define EXPUNGE_RPC_MODEL_SERVICE_H_

#include "absl/status/status.h"
#include "base/executor.h"
#include "catalog/catalog.h"
#include "catalog/ingestor.h"
#include "expunge/v1/model_service.grpc.pb.h"
#include "rpc/drain.h"
#include "rpc/watch_limit.h"
#include "unlearning/unlearner.h"

namespace expunge {

// Every method by callback; IngestSamples takes its messages as bytes (ingest_reactor.h says why).
using ModelServiceBase = v1::ModelService::WithCallbackMethod_CreateModel<v1::ModelService::WithCallbackMethod_GetModel<
    v1::ModelService::WithCallbackMethod_ListModels<v1::ModelService::WithCallbackMethod_DeleteModel<
        v1::ModelService::WithCallbackMethod_TrainModel<v1::ModelService::WithCallbackMethod_WatchModel<
            v1::ModelService::WithRawCallbackMethod_IngestSamples<v1::ModelService::Service>>>>>>>;

class ModelService final : public ModelServiceBase {
 public:
  // Not owned. `executor` waits for the disk.
  struct Parts {
    Catalog* catalog;
    Ingestor* ingestor;
    Unlearner* unlearner;
    Executor* executor;
    Drain* drain;
    WatchLimit* watches;
  };
  explicit ModelService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateModel(grpc::CallbackServerContext* context, const v1::CreateModelRequest* request,
                                        v1::Model* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
                                     v1::Model* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context, const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteModel(grpc::CallbackServerContext* context, const v1::DeleteModelRequest* request,
                                        google::protobuf::Empty* response) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* IngestSamples(grpc::CallbackServerContext* context,
                                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* TrainModel(grpc::CallbackServerContext* context, const v1::TrainModelRequest* request,
                                       v1::Model* response) override;
  grpc::ServerWriteReactor<v1::Model>* WatchModel(grpc::CallbackServerContext* context,
                                                  const v1::WatchModelRequest* request) override;

 private:
  absl::StatusOr<std::shared_ptr<ModelEntry>> Find(std::string_view name) const;
  absl::Status Create(const v1::Model& model, v1::Model* response);
  absl::Status List(const v1::ListModelsRequest& request, v1::ListModelsResponse* response) const;

  const Parts parts_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_MODEL_SERVICE_H_
