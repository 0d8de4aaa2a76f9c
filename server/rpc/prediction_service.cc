#include "rpc/prediction_service.h"

#include <string>
#include <utility>

#include "absl/types/span.h"
#include "base/status_macros.h"
#include "rpc/conversion.h"
#include "rpc/names.h"
#include "rpc/validation.h"

namespace expunge {

grpc::ServerUnaryReactor* PredictionService::Predict(grpc::CallbackServerContext* context,
                                                     const v1::PredictRequest* request, v1::PredictResponse* response) {
  return predictor_->Answer(context, Parse(*request), [response](const ModelAnswer& answer) {
    PredictionToWire(answer.answer, answer.model.spec(), response);
    response->set_erasure_sequence(answer.erasure_sequence);
    return absl::OkStatus();
  });
}

absl::StatusOr<ModelInputs> PredictionService::Parse(const v1::PredictRequest& request) const {
  ASSIGN_OR_RETURN(const std::string name, ParseModelName(request.model(), "model"));
  ModelInputs inputs;
  ASSIGN_OR_RETURN(inputs.model, catalog_->Find(name));
  ASSIGN_OR_RETURN(inputs.batch, ValidateInputs(request.inputs(), inputs.model->spec()));
  const std::string& data = request.inputs().data();
  inputs.data = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  if (request.has_min_erasure_sequence()) inputs.min_erasure_sequence = request.min_erasure_sequence();
  return inputs;
}

}  // namespace expunge
