#include "serving/predictor.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

// Probabilities held at once, of all constituents: 16 MiB. A larger batch is answered piece by piece.
constexpr size_t kMaxOutputs = size_t{4} << 20;

}  // namespace

absl::StatusOr<Prediction> Predict(const ModelSpec& spec, std::shared_ptr<const Snapshot> snapshot,
                                   absl::Span<const uint8_t* const> samples) {
  const absl::Span<const Network* const> networks = snapshot->networks;
  if (networks.empty()) {
    return WithRetryAfter(Error(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS",
                                "no constituent of the model votes at the moment: all are being trained"),
                          absl::Seconds(1));
  }
  const size_t classes = spec.classes();
  const size_t piece = std::clamp<size_t>(kMaxOutputs / (networks.size() * classes), 1, samples.size());
  const std::unique_ptr<float[]> outputs(new float[networks.size() * piece * classes]);
  Prediction prediction;
  prediction.verdicts.reserve(samples.size());
  prediction.probabilities.resize(samples.size() * classes);
  for (size_t begin = 0; begin < samples.size(); begin += piece) {
    const absl::Span<const uint8_t* const> some = samples.subspan(begin, piece);
    const size_t stride = some.size() * classes;
    RETURN_IF_ERROR(networks.front()->ProbabilitiesOfAll(networks, some, spec.input.SampleBytes(),
                                                         {outputs.get(), networks.size() * stride}));
    for (size_t i = 0; i < some.size(); ++i) {
      const Votes votes = {outputs.get() + i * classes, stride, snapshot->complete, snapshot->behind};
      prediction.verdicts.push_back(
          Aggregate(spec.sisa.aggregation, votes,
                    absl::MakeSpan(prediction.probabilities).subspan((begin + i) * classes, classes)));
    }
  }
  prediction.snapshot = std::move(snapshot);
  return prediction;
}

}  // namespace expunge
