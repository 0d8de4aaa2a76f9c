#include "learning/torch_trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "learning/architecture.h"
#include "learning/forward.h"
#include "learning/normalizer.h"
#include "learning/numerics.h"
#include "learning/optimizer.h"
#include "learning/torch_call.h"
#include "learning/torch_network.h"

namespace expunge {
namespace {

absl::Status CheckArguments(const ModelSpec& spec, const SampleBlock& block,
                            absl::Span<const std::vector<uint32_t>> epochs, const TrainingState& state) {
  const auto parameters = static_cast<size_t>(ParameterCount(spec));
  const size_t optimizer = parameters * OptimizerStatePerParameter(spec.training.optimizer);
  if (state.parameters.size() != parameters || state.optimizer.size() != optimizer) {
    return absl::InternalError(absl::StrCat("the training state must have ", parameters, " parameters and ", optimizer,
                                            " optimizer values, has ", state.parameters.size(), " and ",
                                            state.optimizer.size()));
  }
  if (block.inputs.size() != block.count * spec.input.SampleBytes() || block.labels.size() != block.count) {
    return absl::InternalError("the block's inputs or labels do not match its number of samples");
  }
  for (const uint32_t label : block.labels) {
    if (label >= spec.classes()) return absl::InternalError("the block has a label that is no class of the model");
  }
  for (const std::vector<uint32_t>& epoch : epochs) {
    for (const uint32_t index : epoch) {
      if (index >= block.count) return absl::InternalError("an epoch lists a sample that the block does not have");
    }
  }
  return absl::OkStatus();
}

absl::Status Diverged(const char* what) {
  return Error(absl::StatusCode::kInternal, "TRAINING_DIVERGED",
               absl::StrCat("training diverged: ", what,
                            " is not finite; lower training.optimizer's learning rate, or look for extreme inputs"));
}

bool AllFinite(absl::Span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

// The samples of one batch, normalized, in buffers that serve every batch.
class BatchGatherer {
 public:
  BatchGatherer(const InputSpec& input, const SampleBlock& block, int64_t largest_batch)
      : block_(block),
        normalizer_(input),
        inputs_(at::empty({largest_batch, normalizer_.elements()}, at::kFloat)),
        labels_(at::empty({largest_batch}, at::kLong)) {}

  void Gather(absl::Span<const uint32_t> indices) {
    size_ = static_cast<int64_t>(indices.size());
    float* input = inputs_.data_ptr<float>();
    int64_t* label = labels_.data_ptr<int64_t>();
    for (const uint32_t index : indices) {
      normalizer_.Normalize(block_.inputs.data() + index * normalizer_.sample_bytes(), input);
      input += normalizer_.elements();
      *label++ = block_.labels[index];
    }
  }

  at::Tensor inputs() const { return inputs_.narrow(0, 0, size_); }
  at::Tensor labels() const { return labels_.narrow(0, 0, size_); }

 private:
  const SampleBlock& block_;
  const Normalizer normalizer_;
  const at::Tensor inputs_;
  const at::Tensor labels_;
  int64_t size_ = 0;
};

absl::Status TrainEpochs(const ModelSpec& spec, const SampleBlock& block,
                         absl::Span<const std::vector<uint32_t>> epochs, const std::function<bool()>& stop,
                         TrainingState* state) {
  const at::AutoGradMode with_gradients(true);
  // In torch's own memory, which is aligned: neither speed nor bits depend on where the caller keeps the state.
  const at::Tensor flat = at::empty({static_cast<int64_t>(state->parameters.size())}, at::kFloat);
  std::memcpy(flat.data_ptr<float>(), state->parameters.data(), state->parameters.size() * sizeof(float));

  const std::vector<ParameterTensor> layout = ParameterLayout(spec);
  std::vector<at::Tensor> parameters = ViewParameters(layout, flat);
  for (at::Tensor& parameter : parameters) parameter.set_requires_grad(true);
  OptimizerStepper optimizer(spec.training.optimizer, absl::MakeSpan(state->optimizer), &state->steps);
  size_t longest_epoch = 0;
  for (const std::vector<uint32_t>& epoch : epochs) longest_epoch = std::max(longest_epoch, epoch.size());
  BatchGatherer batch(spec.input, block, std::min<int64_t>(spec.training.batch_size, longest_epoch));

  for (const std::vector<uint32_t>& epoch : epochs) {
    for (size_t begin = 0; begin < epoch.size(); begin += spec.training.batch_size) {
      if (stop()) return absl::CancelledError("training was stopped");
      batch.Gather(absl::MakeConstSpan(epoch).subspan(begin, spec.training.batch_size));
      const at::Tensor loss = at::cross_entropy_loss(Forward(spec, parameters, batch.inputs()), batch.labels());
      if (!std::isfinite(*loss.data_ptr<float>())) return Diverged("the loss");
      loss.backward();
      optimizer.BeginStep();
      for (size_t i = 0; i < parameters.size(); ++i) {
        at::Tensor& gradient = parameters[i].mutable_grad();
        const at::Tensor contiguous = gradient.contiguous();
        optimizer.Update(layout[i].offset, absl::MakeConstSpan(contiguous.data_ptr<float>(), layout[i].size),
                         flat.data_ptr<float>() + layout[i].offset);
        gradient.reset();
      }
    }
  }
  std::memcpy(state->parameters.data(), flat.data_ptr<float>(), state->parameters.size() * sizeof(float));
  return absl::OkStatus();
}

class TorchTrainer : public Trainer {
 public:
  std::string NumericEnvironment() const override { return DescribeNumericEnvironment(); }

  absl::StatusOr<TrainingState> Initialize(const ModelSpec& spec, const Digest& seed) const override {
    TrainingState state;
    absl::Status status = CallTorch([&] {
      state.parameters = InitialParameters(spec, seed);
      state.optimizer.assign(state.parameters.size() * OptimizerStatePerParameter(spec.training.optimizer), 0.0f);
      return absl::OkStatus();
    });
    RETURN_IF_ERROR(status);
    return state;
  }

  absl::Status Train(const ModelSpec& spec, const SampleBlock& block, absl::Span<const std::vector<uint32_t>> epochs,
                     const std::function<bool()>& stop, TrainingState* state) const override {
    RETURN_IF_ERROR(CheckArguments(spec, block, epochs, *state));
    RETURN_IF_ERROR(CallTorch([&] { return TrainEpochs(spec, block, epochs, stop, state); }));
    if (!AllFinite(state->parameters)) return Diverged("a parameter");
    // An infinite second moment divides every later step to nothing: the parameters stay finite and learn no more.
    if (!AllFinite(state->optimizer)) return Diverged("the optimizer's state");
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const Network>> BuildNetwork(const ModelSpec& spec,
                                                              absl::Span<const float> parameters) const override {
    return CreateTorchNetwork(spec, parameters);
  }
};

}  // namespace

std::unique_ptr<Trainer> CreateTorchTrainer() { return std::make_unique<TorchTrainer>(); }

}  // namespace expunge
