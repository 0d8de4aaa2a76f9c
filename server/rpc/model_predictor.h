#ifndef EXPUNGE_RPC_MODEL_PREDICTOR_H_
#define EXPUNGE_RPC_MODEL_PREDICTOR_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "catalog/model_entry.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "serving/batcher.h"
#include "unlearning/erasure_ledger.h"

namespace expunge {

// A batch of inputs for a model, checked.
struct ModelInputs {
  std::shared_ptr<ModelEntry> model;
  size_t batch = 0;
  absl::Span<const uint8_t> data;   // in the model's source dtype, row-major: of the request, or of `copy`
  std::unique_ptr<uint8_t[]> copy;  // where the request has them in another form
  std::optional<ErasureSequence> min_erasure_sequence;
};

struct ModelAnswer {
  const ModelEntry& model;
  const Batcher::Answer& answer;
  ErasureSequence erasure_sequence = 0;  // every erasure up to this one is isolated from what answered
};

// What the services that predict have in common: where they compute, and with which errors they end. Thread-safe.
class ModelPredictor {
 public:
  // Puts the answer into the response. It sees the snapshot that answered, and may still refuse.
  using Reply = absl::AnyInvocable<absl::Status(const ModelAnswer&)>;

  // Not owned.
  ModelPredictor(Batcher* batcher, const ErasureLedger* ledger) : batcher_(batcher), ledger_(ledger) {}

  // Ends the call when its batch was computed, with what `reply` returns; `inputs` that are an error end it at once.
  //
  // RESOURCE_EXHAUSTED (TOO_MANY_PREDICTS) when too many calls wait, of all services together; FAILED_PRECONDITION
  // (MODEL_NOT_TRAINED): never trained, or nothing is left to be trained on; UNAVAILABLE (NO_CONSTITUENTS), or
  // (ERASURE_NOT_ISOLATED) when an erasure up to min_erasure_sequence is not in force yet; DEADLINE_EXCEEDED or
  // CANCELLED when the call was abandoned before it was computed.
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, absl::StatusOr<ModelInputs> inputs,
                                   Reply reply);

 private:
  class Call;

  Batcher* const batcher_;
  const ErasureLedger* const ledger_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_MODEL_PREDICTOR_H_
