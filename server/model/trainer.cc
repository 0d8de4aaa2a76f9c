#include "model/trainer.h"

#include "base/status_macros.h"

namespace expunge {

absl::Status Network::ProbabilitiesOfAll(absl::Span<const Network* const> networks,
                                         absl::Span<const uint8_t* const> samples, size_t sample_bytes,
                                         absl::Span<float> probabilities) const {
  std::vector<uint8_t> inputs;
  inputs.reserve(samples.size() * sample_bytes);
  for (const uint8_t* const sample : samples) inputs.insert(inputs.end(), sample, sample + sample_bytes);
  const size_t of_one = probabilities.size() / networks.size();
  for (size_t k = 0; k < networks.size(); ++k) {
    RETURN_IF_ERROR(networks[k]->Probabilities(inputs, samples.size(), probabilities.subspan(k * of_one, of_one)));
  }
  return absl::OkStatus();
}

}  // namespace expunge
