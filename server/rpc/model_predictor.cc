#include "rpc/model_predictor.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/unary.h"

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

absl::StatusOr<Prediction> Compute(const grpc::CallbackServerContext& context, const ModelInputs& inputs) {
  ModelEntry& model = *inputs.model;
  absl::StatusOr<Prediction> prediction = Predict(model.spec(), model.ensemble(), model.trained(), inputs.data,
                                                  inputs.batch, [&context] { return IsAbandoned(context); });
  if (absl::IsCancelled(prediction.status())) return AbandonedError(context);
  if (absl::IsUnavailable(prediction.status()) && !HasSubjects(model)) {
    return Error(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED",
                 "the model has no samples left to be trained on");
  }
  return prediction;
}

}  // namespace

grpc::ServerUnaryReactor* ModelPredictor::Answer(grpc::CallbackServerContext* context, Parse parse, Reply reply) {
  auto admission = absl::MakeCleanup([this] { admitted_.fetch_sub(1); });
  if (admitted_.fetch_add(1) >= kMaxAdmitted) return FinishUnary(context, OverloadedError());
  return RunUnary(context, executor_, WhenAbandoned::kDrop,
                  [context, parse = std::move(parse), reply = std::move(reply),
                   admission = std::move(admission)]() mutable -> absl::Status {
                    ASSIGN_OR_RETURN(const ModelInputs inputs, parse());
                    ASSIGN_OR_RETURN(Prediction prediction, Compute(*context, inputs));
                    return reply(inputs, std::move(prediction));
                  });
}

}  // namespace expunge
