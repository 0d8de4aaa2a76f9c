#include "rpc/prediction_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/conversion.h"
#include "rpc/names.h"
#include "rpc/unary.h"
#include "rpc/validation.h"
#include "serving/predictor.h"

namespace expunge {
namespace {

// Bounds the memory that waiting requests hold, and refuses at once what would time out in the queue.
constexpr int kMaxAdmitted = 1024;

absl::Status OverloadedError() {
  return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_PREDICTS",
               absl::StrCat("more than ", kMaxAdmitted, " Predict calls are waiting"));
}

bool HasSubjects(ModelEntry& model) {
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    if (model.Status(shard).subjects > 0) return true;
  }
  return false;
}

}  // namespace

grpc::ServerUnaryReactor* PredictionService::Predict(grpc::CallbackServerContext* context,
                                                     const v1::PredictRequest* request, v1::PredictResponse* response) {
  auto admission = absl::MakeCleanup([this] { admitted_.fetch_sub(1); });
  if (admitted_.fetch_add(1) >= kMaxAdmitted) return FinishUnary(context, OverloadedError());
  return RunUnary(context, executor_, WhenAbandoned::kDrop,
                  [this, context, request, response, admission = std::move(admission)] {
                    return Answer(*context, *request, response);
                  });
}

absl::Status PredictionService::Answer(const grpc::CallbackServerContext& context, const v1::PredictRequest& request,
                                       v1::PredictResponse* response) const {
  if (request.has_min_erasure_sequence()) {
    return Error(absl::StatusCode::kUnimplemented, "MIN_ERASURE_SEQUENCE_MISSING",
                 "min_erasure_sequence is not served yet; an acknowledged Forget is in force for every later Predict");
  }
  ASSIGN_OR_RETURN(const std::string name, ParseModelName(request.model(), "model"));
  ASSIGN_OR_RETURN(const std::shared_ptr<ModelEntry> model, catalog_->Find(name));
  ASSIGN_OR_RETURN(const size_t batch, ValidateInputs(request.inputs(), model->spec()));
  const std::string& data = request.inputs().data();
  absl::StatusOr<Prediction> prediction =
      expunge::Predict(model->spec(), model->ensemble(), model->trained(),
                       absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()), data.size()), batch,
                       [&context] { return IsAbandoned(context); });
  if (absl::IsCancelled(prediction.status())) return AbandonedError(context);
  if (absl::IsUnavailable(prediction.status()) && !HasSubjects(*model)) {
    return Error(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED",
                 "the model has no samples left to be trained on");
  }
  RETURN_IF_ERROR(prediction.status());
  *response = PredictionToWire(*std::move(prediction), model->spec());
  return absl::OkStatus();
}

}  // namespace expunge
