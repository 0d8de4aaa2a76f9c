#include "learning/torch_network.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "learning/architecture.h"
#include "learning/dense_network.h"
#include "learning/forward.h"
#include "learning/normalizer.h"
#include "learning/torch_call.h"

namespace expunge {
namespace {

// Bounds what one call holds beside its arguments: floats in the widest activation of the samples taken at once.
constexpr int64_t kActivationFloats = int64_t{1} << 20;

class ConvolutionalNetwork : public Network {
 public:
  ConvolutionalNetwork(const ModelSpec& spec, absl::Span<const float> parameters)
      : spec_(spec),
        normalizer_(spec.input),
        samples_at_once_(std::max<int64_t>(1, kActivationFloats / WidestActivation(spec))) {
    const at::Tensor flat = at::empty({static_cast<int64_t>(parameters.size())}, at::kFloat);
    std::memcpy(flat.data_ptr<float>(), parameters.data(), parameters.size() * sizeof(float));
    parameters_ = ViewParameters(ParameterLayout(spec), flat);
  }

  absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                             absl::Span<float> probabilities) const override {
    const size_t classes = spec_.classes();
    if (inputs.size() != batch * normalizer_.sample_bytes() || probabilities.size() != batch * classes) {
      return absl::InternalError("inputs or probabilities do not have the size that the batch needs");
    }
    if (batch == 0) return absl::OkStatus();
    return CallTorch([&] {
      const c10::InferenceMode inference;
      const int64_t samples_at_once = std::min<int64_t>(samples_at_once_, batch);
      const at::Tensor buffer = at::empty({samples_at_once, normalizer_.elements()}, at::kFloat);
      for (size_t begin = 0; begin < batch; begin += samples_at_once) {
        const int64_t count = std::min<int64_t>(samples_at_once, batch - begin);
        for (int64_t i = 0; i < count; ++i) {
          normalizer_.Normalize(inputs.data() + (begin + i) * normalizer_.sample_bytes(),
                                buffer.data_ptr<float>() + i * normalizer_.elements());
        }
        const at::Tensor softmax = at::softmax(Forward(spec_, parameters_, buffer.narrow(0, 0, count)), /*dim=*/1);
        std::memcpy(probabilities.data() + begin * classes, softmax.data_ptr<float>(), count * classes * sizeof(float));
      }
      return absl::OkStatus();
    });
  }

  // What the libraries make at their first use of these shapes should not be made on a caller's time.
  absl::Status WarmUp() const {
    const std::vector<uint8_t> sample(normalizer_.sample_bytes());
    std::vector<float> probabilities(spec_.classes());
    return Probabilities(sample, 1, absl::MakeSpan(probabilities));
  }

 private:
  const ModelSpec spec_;
  const Normalizer normalizer_;
  const int64_t samples_at_once_;
  std::vector<at::Tensor> parameters_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Network>> CreateTorchNetwork(const ModelSpec& spec,
                                                                  absl::Span<const float> parameters) {
  const auto expected = static_cast<size_t>(ParameterCount(spec));
  if (parameters.size() != expected) {
    return absl::InternalError(absl::StrCat("the model has ", expected, " parameters, given are ", parameters.size()));
  }
  std::shared_ptr<const Network> network;
  absl::Status status = CallTorch([&]() -> absl::Status {
    if (!std::holds_alternative<Cnn>(spec.architecture)) {
      network = CreateDenseNetwork(spec, parameters);
      return absl::OkStatus();
    }
    auto convolutional = std::make_shared<ConvolutionalNetwork>(spec, parameters);
    RETURN_IF_ERROR(convolutional->WarmUp());
    network = std::move(convolutional);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return network;
}

}  // namespace expunge
