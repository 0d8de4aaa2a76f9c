#include "rpc/model_service.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/conversion.h"
#include "rpc/ingest_reactor.h"
#include "rpc/names.h"
#include "rpc/spec_conversion.h"
#include "rpc/unary.h"
#include "rpc/watch_reactor.h"

namespace expunge {

grpc::ServerUnaryReactor* ModelService::CreateModel(grpc::CallbackServerContext* context,
                                                    const v1::CreateModelRequest* request, v1::Model* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop,
                  [=, this] { return Create(request->model(), response); });
}

grpc::ServerUnaryReactor* ModelService::GetModel(grpc::CallbackServerContext* context,
                                                 const v1::GetModelRequest* request, v1::Model* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<ModelEntry> model, Find(request->name()));
    *response = ModelToWire(*model, ModelDetail::kShards);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* context,
                                                   const v1::ListModelsRequest* request,
                                                   v1::ListModelsResponse* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this] { return List(*request, response); });
}

grpc::ServerUnaryReactor* ModelService::DeleteModel(grpc::CallbackServerContext* context,
                                                    const v1::DeleteModelRequest* request, google::protobuf::Empty*) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<ModelEntry> model, Find(request->name()));
    RETURN_IF_ERROR(parts_.unlearner->Delete(*model));
    model->changes().Notify();  // whoever watches it learns that it is gone
    return absl::OkStatus();
  });
}

grpc::ServerReadReactor<grpc::ByteBuffer>* ModelService::IngestSamples(grpc::CallbackServerContext* context,
                                                                       grpc::ByteBuffer* response) {
  return new IngestReactor(context, parts_.executor, parts_.catalog, parts_.ingestor, response);
}

grpc::ServerUnaryReactor* ModelService::TrainModel(grpc::CallbackServerContext* context,
                                                   const v1::TrainModelRequest* request, v1::Model* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<ModelEntry> model, Find(request->name()));
    RETURN_IF_ERROR(parts_.unlearner->Train(*model));
    *response = ModelToWire(*model, ModelDetail::kShards);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::Model>* ModelService::WatchModel(grpc::CallbackServerContext* context,
                                                              const v1::WatchModelRequest* request) {
  const absl::StatusOr<std::shared_ptr<ModelEntry>> model = Find(request->name());
  if (!model.ok()) return FinishStream<v1::Model>(model.status());
  absl::StatusOr<std::shared_ptr<void>> admitted = parts_.watches->Admit(*model);
  if (!admitted.ok()) return FinishStream<v1::Model>(admitted.status());
  using Reactor = WatchReactor<v1::Model>;
  const auto read = [this, model = *model]() -> absl::StatusOr<Reactor::State> {
    if (parts_.catalog->FindByUid(model->uid()) == nullptr) {
      return Error(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND", "the model was deleted");
    }
    return Reactor::State{ModelToWire(*model, ModelDetail::kShards)};
  };
  return new Reactor(context, parts_.executor, parts_.drain, &(*model)->changes(), *std::move(admitted), read);
}

absl::StatusOr<std::shared_ptr<ModelEntry>> ModelService::Find(std::string_view name) const {
  ASSIGN_OR_RETURN(const std::string id, ParseModelName(name, "name"));
  return parts_.catalog->Find(id);
}

absl::Status ModelService::Create(const v1::Model& model, v1::Model* response) {
  ASSIGN_OR_RETURN(const std::string id, ParseModelName(model.name(), "name"));
  ASSIGN_OR_RETURN(const ModelSpec spec, SpecFromWire(model));
  ASSIGN_OR_RETURN(const std::shared_ptr<ModelEntry> created, parts_.catalog->Create(id, spec));
  *response = ModelToWire(*created, ModelDetail::kShards);
  return absl::OkStatus();
}

absl::Status ModelService::List(const v1::ListModelsRequest& request, v1::ListModelsResponse* response) const {
  ASSIGN_OR_RETURN(const size_t limit, ParsePageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after, ParseIdPageToken(request.page_token()));
  const std::vector<std::shared_ptr<ModelEntry>> models = parts_.catalog->List();
  auto model =
      std::find_if(models.begin(), models.end(), [&after](const auto& model) { return model->name() > after; });
  for (; model != models.end(); ++model) {
    if (response->models_size() == static_cast<int>(limit)) {
      response->set_next_page_token(IdPageToken((*std::prev(model))->name()));
      break;
    }
    *response->add_models() = ModelToWire(**model, ModelDetail::kSummary);
  }
  return absl::OkStatus();
}

}  // namespace expunge
