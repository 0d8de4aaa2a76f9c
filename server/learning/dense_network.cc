#include "learning/dense_network.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "learning/architecture.h"
#include "learning/dense_layer.h"
#include "learning/fixed_point_layer.h"
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
    const auto weights = [&](size_t layer) { return parameters.data() + layout[2 * layer].offset; };
    const auto bias = [&](size_t layer) { return parameters.data() + layout[2 * layer + 1].offset; };
    const auto outputs = [&](size_t layer) { return layout[2 * layer].shape[0]; };
    if (FixedPointLayer::PaysOff(normalizer_)) {
      of_bytes_.emplace(weights(0), bias(0), normalizer_, outputs(0));
    }
    for (size_t layer = of_bytes_ ? 1 : 0; layer < layout.size() / 2; ++layer) {
      layers_.emplace_back(weights(layer), bias(layer), layout[2 * layer].shape[1], outputs(layer));
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
      Scratch scratch(*this, at_once);
      for (size_t begin = 0; begin < samples.size(); begin += at_once) {
        const auto some = samples.subspan(begin, at_once);
        Read(some, scratch);
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
    Scratch(const DenseNetwork& network, int64_t samples)
        : front(Uninitialized(samples * network.widest_)), back(Uninitialized(samples * network.widest_)) {
      if (network.of_bytes_) {
        bytes = AllocateAligned(samples * network.of_bytes_->stride());
      } else {
        normalized = Uninitialized(samples * network.normalizer_.elements());
      }
    }

    // The inputs: as they are, where the first layer takes bytes.
    AlignedBytes<uint8_t> bytes;
    std::unique_ptr<float[]> normalized;
    std::unique_ptr<float[]> front;  // activations, in turns
    std::unique_ptr<float[]> back;
  };

  static absl::Status WrongSize() {
    return absl::InternalError("inputs or probabilities do not have the size that the batch needs");
  }

  // What is read serves every network of the model.
  void Read(absl::Span<const uint8_t* const> samples, Scratch& scratch) const {
    if (!of_bytes_) {
      float* to = scratch.normalized.get();
      for (const uint8_t* const sample : samples) {
        normalizer_.Normalize(sample, to);
        to += normalizer_.elements();
      }
      return;
    }
    uint8_t* to = scratch.bytes.get();
    for (const uint8_t* const sample : samples) {
      std::fill(std::copy_n(sample, normalizer_.sample_bytes(), to), to + of_bytes_->stride(), 0);
      to += of_bytes_->stride();
    }
  }

  void Logits(int64_t samples, Scratch& scratch, float* logits) const {
    const float* activation = scratch.normalized.get();
    if (of_bytes_) {
      of_bytes_->Apply(scratch.bytes.get(), samples, /*relu=*/!layers_.empty(),
                       layers_.empty() ? logits : scratch.front.get());
      activation = scratch.front.get();
      scratch.front.swap(scratch.back);
    }
    for (size_t i = 0; i < layers_.size(); ++i) {
      const bool last = i + 1 == layers_.size();
      layers_[i].Apply(activation, samples, /*relu=*/!last, last ? logits : scratch.front.get());
      activation = scratch.front.get();
      scratch.front.swap(scratch.back);
    }
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
  std::optional<FixedPointLayer> of_bytes_;  // the first one, where it can be; `layers_` are the others
  std::vector<DenseLayer> layers_;
};

}  // namespace

std::shared_ptr<const Network> CreateDenseNetwork(const ModelSpec& spec, absl::Span<const float> parameters) {
  return std::make_shared<DenseNetwork>(spec, parameters);
}

}  // namespace expunge
