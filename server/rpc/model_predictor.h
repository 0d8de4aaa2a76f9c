#ifndef EXPUNGE_RPC_MODEL_PREDICTOR_H_
#define EXPUNGE_RPC_MODEL_PREDICTOR_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/executor.h"
#include "catalog/model_entry.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "serving/predictor.h"

namespace expunge {

// A batch of inputs for a model, checked.
struct ModelInputs {
  std::shared_ptr<ModelEntry> model;
  size_t batch = 0;
  absl::Span<const uint8_t> data;   // in the model's source dtype, row-major: of the request, or of `copy`
  std::unique_ptr<uint8_t[]> copy;  // where the request has them in another form
};

// What the services that predict have in common: how many calls there may be, on which threads they compute, with which
// errors they end. Thread-safe.
class ModelPredictor {
 public:
  using Parse = absl::AnyInvocable<absl::StatusOr<ModelInputs>()>;
  using Reply = absl::AnyInvocable<absl::Status(const ModelInputs&, Prediction)>;

  // Not owned. `executor` computes.
  explicit ModelPredictor(Executor* executor) : executor_(executor) {}

  // Ends the call with what `parse` finds wrong with the request, or with the answer that `reply` puts into the
  // response. `reply` sees the snapshot that answered, and may still refuse. Both run on the executor, in this order.
  //
  // RESOURCE_EXHAUSTED (TOO_MANY_PREDICTS) when too many calls wait, of all services together; FAILED_PRECONDITION
  // (MODEL_NOT_TRAINED) and UNAVAILABLE (NO_CONSTITUENTS) as in serving/predictor.h; DEADLINE_EXCEEDED or CANCELLED
  // when the call was abandoned before it was computed.
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, Parse parse, Reply reply);

 private:
  Executor* const executor_;
  std::atomic<int> admitted_ = 0;  // waiting and computing
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_MODEL_PREDICTOR_H_
