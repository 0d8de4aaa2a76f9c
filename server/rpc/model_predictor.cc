#include "rpc/model_predictor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/status.h"
#include "rpc/unary.h"

namespace expunge {
namespace {

bool HasSubjects(ModelEntry& model) {
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    if (model.Status(shard).subjects > 0) return true;
  }
  return false;
}

absl::Status NotIsolated(ErasureSequence wanted, ErasureSequence isolated) {
  return WithRetryAfter(
      Error(absl::StatusCode::kUnavailable, "ERASURE_NOT_ISOLATED",
            absl::StrCat("min_erasure_sequence is ", wanted, ", erasures are in force up to ", isolated)),
      absl::Milliseconds(10));
}

}  // namespace

class ModelPredictor::Call final : public Batcher::Request {
 public:
  Call(grpc::CallbackServerContext* context, ModelInputs inputs, ErasureSequence isolated_through, Reply reply)
      : Request(&inputs.model->spec(), &inputs.model->ensemble(), inputs.data, inputs.batch),
        context_(*context),
        reactor_(context->DefaultReactor()),
        inputs_(std::move(inputs)),
        isolated_through_(isolated_through),
        reply_(std::move(reply)) {}

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  bool IsAbandoned() const override { return expunge::IsAbandoned(context_); }

  void Finish(const absl::StatusOr<Batcher::Answer>& answer) override {
    const absl::Status status =
        answer.ok() ? reply_({*inputs_.model, *answer, isolated_through_}) : Explain(answer.status());
    grpc::ServerUnaryReactor* const reactor = reactor_;
    delete this;  // before the reply, after which what it refers to may be gone
    reactor->Finish(ToGrpcStatus(status));
  }

 private:
  absl::Status Explain(const absl::Status& status) const {
    if (absl::IsCancelled(status)) return AbandonedError(context_);
    if (!absl::IsUnavailable(status)) return status;
    if (!inputs_.model->trained()) {
      return Error(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED",
                   "the model was not trained yet: call TrainModel");
    }
    if (!HasSubjects(*inputs_.model)) {
      return Error(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED",
                   "the model has no samples left to be trained on");
    }
    return status;
  }

  const grpc::CallbackServerContext& context_;
  grpc::ServerUnaryReactor* const reactor_;
  const ModelInputs inputs_;
  const ErasureSequence isolated_through_;
  Reply reply_;
};

grpc::ServerUnaryReactor* ModelPredictor::Answer(grpc::CallbackServerContext* context,
                                                 absl::StatusOr<ModelInputs> inputs, Reply reply) {
  if (!inputs.ok()) return FinishUnary(context, inputs.status());
  // Before the snapshot is taken, which then has all that is said to be isolated here.
  const ErasureSequence isolated_through = ledger_->isolated_through();
  if (inputs->min_erasure_sequence.value_or(0) > isolated_through) {
    return FinishUnary(context, NotIsolated(*inputs->min_erasure_sequence, isolated_through));
  }
  Call* const call = new Call(context, *std::move(inputs), isolated_through, std::move(reply));
  grpc::ServerUnaryReactor* const reactor = call->reactor();
  batcher_->Submit(call);
  return reactor;
}

}  // namespace expunge
