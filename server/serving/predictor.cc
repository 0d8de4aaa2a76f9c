#include "serving/predictor.h"

#include <algorithm>

#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

// Probabilities held at once, of all constituents: 16 MiB. A larger batch is answered piece by piece.
constexpr size_t kMaxOutputs = size_t{4} << 20;

}  // namespace

absl::StatusOr<Prediction> Predict(const ModelSpec& spec, const Ensemble& ensemble, bool trained,
                                   absl::Span<const uint8_t> inputs, size_t batch,
                                   const std::function<bool()>& abandoned) {
  Prediction prediction;
  prediction.snapshot = ensemble.Current();
  const std::vector<Constituent>& constituents = prediction.snapshot->constituents;
  if (constituents.empty()) {
    if (!trained) {
      return Error(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED",
                   "the model was not trained yet: call TrainModel");
    }
    return WithRetryAfter(Error(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS",
                                "no constituent of the model votes at the moment: all are being trained"),
                          absl::Seconds(1));
  }

  const size_t classes = spec.classes();
  const size_t sample_bytes = spec.input.SampleBytes();
  const size_t piece = std::clamp<size_t>(kMaxOutputs / (constituents.size() * classes), 1, batch);
  std::vector<float> outputs(constituents.size() * piece * classes);
  std::vector<absl::Span<const float>> votes(constituents.size());
  prediction.verdicts.reserve(batch);
  for (size_t begin = 0; begin < batch; begin += piece) {
    const size_t count = std::min(piece, batch - begin);
    for (size_t k = 0; k < constituents.size(); ++k) {
      if (abandoned()) return absl::CancelledError("the caller no longer waits for the prediction");
      RETURN_IF_ERROR(constituents[k].network->Probabilities(
          inputs.subspan(begin * sample_bytes, count * sample_bytes), count,
          absl::MakeSpan(outputs).subspan(k * piece * classes, count * classes)));
    }
    for (size_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < votes.size(); ++k) {
        votes[k] = absl::MakeConstSpan(outputs).subspan((k * piece + i) * classes, classes);
      }
      prediction.verdicts.push_back(Aggregate(spec.sisa.aggregation, votes));
    }
  }
  return prediction;
}

}  // namespace expunge
