#include "rpc/inference_service.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "rpc/inference_conversion.h"
#include "rpc/unary.h"

namespace expunge {

grpc::ServerUnaryReactor* InferenceService::ServerLive(grpc::CallbackServerContext* context,
                                                       const inference::ServerLiveRequest*,
                                                       inference::ServerLiveResponse* response) {
  response->set_live(true);
  return FinishUnary(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ServerReady(grpc::CallbackServerContext* context,
                                                        const inference::ServerReadyRequest*,
                                                        inference::ServerReadyResponse* response) {
  response->set_ready(!parts_.drain->begun());
  return FinishUnary(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ModelReady(grpc::CallbackServerContext* context,
                                                       const inference::ModelReadyRequest* request,
                                                       inference::ModelReadyResponse* response) {
  const absl::StatusOr<bool> ready = IsReady(*request);
  if (ready.ok()) response->set_ready(*ready);
  return FinishUnary(context, ready.status());
}

grpc::ServerUnaryReactor* InferenceService::ServerMetadata(grpc::CallbackServerContext* context,
                                                           const inference::ServerMetadataRequest*,
                                                           inference::ServerMetadataResponse* response) {
  response->set_name("expunge");
  response->set_version(EXPUNGE_VERSION);
  return FinishUnary(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ModelMetadata(grpc::CallbackServerContext* context,
                                                          const inference::ModelMetadataRequest* request,
                                                          inference::ModelMetadataResponse* response) {
  absl::StatusOr<inference::ModelMetadataResponse> metadata = Metadata(*request);
  if (metadata.ok()) *response = *std::move(metadata);
  return FinishUnary(context, metadata.status());
}

grpc::ServerUnaryReactor* InferenceService::ModelInfer(grpc::CallbackServerContext* context,
                                                       const inference::ModelInferRequest* request,
                                                       inference::ModelInferResponse* response) {
  return parts_.predictor->Answer(context, Parse(*request),
                                  [request, response](const ModelAnswer& answer) -> absl::Status {
                                    // What is served may have changed since Parse looked: only the snapshot that
                                    // answered tells.
                                    ASSIGN_OR_RETURN(const std::optional<uint64_t> version,
                                                     VersionFromWire(request->model_version(), "model_version"));
                                    RETURN_IF_ERROR(CheckVersion(version, *answer.answer.prediction.snapshot));
                                    InferToWire(*request, answer.answer, answer.model.spec(), response);
                                    return absl::OkStatus();
                                  });
}

absl::StatusOr<bool> InferenceService::IsReady(const inference::ModelReadyRequest& request) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version, VersionFromWire(request.version(), "version"));
  const absl::StatusOr<std::shared_ptr<ModelEntry>> model = parts_.catalog->Find(request.name());
  if (!model.ok()) return false;  // as Triton has it: a client that waits for a model need not tell this from an error
  const std::shared_ptr<const Snapshot> snapshot = (*model)->ensemble().Current();
  return !snapshot->constituents.empty() && version.value_or(snapshot->version) == snapshot->version;
}

absl::StatusOr<inference::ModelMetadataResponse> InferenceService::Metadata(
    const inference::ModelMetadataRequest& request) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version, VersionFromWire(request.version(), "version"));
  ASSIGN_OR_RETURN(const std::shared_ptr<const ModelEntry> model, parts_.catalog->Find(request.name()));
  const std::shared_ptr<const Snapshot> snapshot = model->ensemble().Current();
  RETURN_IF_ERROR(CheckVersion(version, *snapshot));
  return MetadataToWire(model->name(), *snapshot, model->spec());
}

absl::StatusOr<ModelInputs> InferenceService::Parse(const inference::ModelInferRequest& request) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version, VersionFromWire(request.model_version(), "model_version"));
  ASSIGN_OR_RETURN(std::shared_ptr<ModelEntry> model, parts_.catalog->Find(request.model_name()));
  // Versions only grow. One that is gone is refused also while nothing votes, and computed in vain for nobody.
  RETURN_IF_ERROR(CheckVersion(version, *model->ensemble().Current()));
  return InferFromWire(request, std::move(model));
}

}  // namespace expunge
