#include "learning/dense_network.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "learning/architecture.h"
#include "learning/dense_layer.h"
#include "learning/normalizer.h"
#include "learning/torch_call.h"

namespace expunge {
namespace {

// Bounds what one call holds beside its arguments: floats in the widest activation of the samples taken at once.
constexpr int64_t kActivationFloats = int64_t{1} << 20;

std::unique_ptr<float[]> Uninitialized(int64_t floats) { return std::unique_ptr<float[]>(new float[floats]); }

class DenseNetwork : public Network {
 public:
  DenseNetwork(const ModelSpec& spec, absl::Span<const float> parameters)
      : normalizer_(spec.input),
        classes_(spec.classes()),
        widest_(WidestActivation(spec)),
        samples_at_once_(std::max<int64_t>(1, kActivationFloats / widest_)) {
    const std::vector<ParameterTensor> layout = ParameterLayout(spec);
    for (size_t i = 0; i + 1 < layout.size(); i += 2) {
      layers_.emplace_back(parameters.data() + layout[i].offset, parameters.data() + layout[i + 1].offset,
                           layout[i].shape[1], layout[i].shape[0]);
    }
  }

  absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                             absl::Span<float> probabilities) const override {
    const size_t sample_bytes = normalizer_.sample_bytes();
    if (inputs.size() != batch * sample_bytes) return WrongSize();
    std::vector<const uint8_t*> samples(batch);
    for (size_t i = 0; i < batch; ++i) samples[i] = inputs.data() + i * sample_bytes;
    const Network* const self = this;
    return ProbabilitiesOfAll({&self, 1}, samples, sample_bytes, probabilities);
  }

  absl::Status ProbabilitiesOfAll(absl::Span<const Network* const> networks, absl::Span<const uint8_t* const> samples,
                                  size_t sample_bytes, absl::Span<float> probabilities) const override {
    const size_t of_one = samples.size() * classes_;
    if (sample_bytes != normalizer_.sample_bytes() || probabilities.size() != networks.size() * of_one) {
      return WrongSize();
    }
    if (samples.empty()) return absl::OkStatus();
    return CallTorch([&] {
      const int64_t at_once = std::min<int64_t>(samples_at_once_, samples.size());
      Scratch scratch = {Uninitialized(at_once * normalizer_.elements()), Uninitialized(at_once * widest_),
                         Uninitialized(at_once * widest_)};
      for (size_t begin = 0; begin < samples.size(); begin += at_once) {
        const auto some = samples.subspan(begin, at_once);
        for (size_t i = 0; i < some.size(); ++i) {
          normalizer_.Normalize(some[i], scratch.inputs.get() + i * normalizer_.elements());
        }
        for (size_t k = 0; k < networks.size(); ++k) {
          static_cast<const DenseNetwork*>(networks[k])
              ->Logits(some.size(), scratch, probabilities.data() + k * of_one + begin * classes_);
        }
      }
      Softmax(probabilities);
      return absl::OkStatus();
    });
  }

 private:
  struct Scratch {
    std::unique_ptr<float[]> inputs;  // normalized
    std::unique_ptr<float[]> front;   // activations, in turns
    std::unique_ptr<float[]> back;
  };

  static absl::Status WrongSize() {
    return absl::InternalError("inputs or probabilities do not have the size that the batch needs");
  }

  void Logits(int64_t samples, Scratch& scratch, float* logits) const {
    const float* activation = scratch.inputs.get();
    for (size_t i = 0; i + 1 < layers_.size(); ++i) {
      layers_[i].Apply(activation, samples, /*relu=*/true, scratch.front.get());
      activation = scratch.front.get();
      scratch.front.swap(scratch.back);
    }
    layers_.back().Apply(activation, samples, /*relu=*/false, logits);
  }

  // In place, each row by itself.
  void Softmax(absl::Span<float> values) const {
    const c10::InferenceMode inference;
    const at::Tensor logits = at::from_blob(values.data(), {static_cast<int64_t>(values.size()) / classes_, classes_},
                                            at::TensorOptions(at::kFloat));
    const at::Tensor softmax = at::softmax(logits, /*dim=*/1);
    std::memcpy(values.data(), softmax.data_ptr<float>(), values.size() * sizeof(float));
  }

  const Normalizer normalizer_;
  const int64_t classes_;
  const int64_t widest_;  // floats
  const int64_t samples_at_once_;
  std::vector<DenseLayer> layers_;
};

}  // namespace

std::shared_ptr<const Network> CreateDenseNetwork(const ModelSpec& spec, absl::Span<const float> parameters) {
  return std::make_shared<DenseNetwork>(spec, parameters);
}

}  // namespace expunge
