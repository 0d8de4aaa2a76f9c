#include "rpc/prediction_service.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/conversion.h"
#include "rpc/names.h"
#include "rpc/validation.h"

namespace expunge {
namespace {

absl::StatusOr<ModelInputs> Parse(const v1::PredictRequest& request, const Catalog& catalog) {
  if (request.has_min_erasure_sequence()) {
    return Error(absl::StatusCode::kUnimplemented, "MIN_ERASURE_SEQUENCE_MISSING",
                 "min_erasure_sequence is not served yet; an acknowledged Forget is in force for every later Predict");
  }
  ASSIGN_OR_RETURN(const std::string name, ParseModelName(request.model(), "model"));
  ModelInputs inputs;
  ASSIGN_OR_RETURN(inputs.model, catalog.Find(name));
  ASSIGN_OR_RETURN(inputs.batch, ValidateInputs(request.inputs(), inputs.model->spec()));
  const std::string& data = request.inputs().data();
  inputs.data = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  return inputs;
}

}  // namespace

grpc::ServerUnaryReactor* PredictionService::Predict(grpc::CallbackServerContext* context,
                                                     const v1::PredictRequest* request, v1::PredictResponse* response) {
  return predictor_->Answer(
      context, [this, request] { return Parse(*request, *catalog_); },
      [response](const ModelInputs& inputs, Prediction prediction) {
        *response = PredictionToWire(std::move(prediction), inputs.model->spec());
        return absl::OkStatus();
      });
}

}  // namespace expunge
