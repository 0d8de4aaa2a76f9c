#include "serving/predictor.h"

#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {

absl::StatusOr<Prediction> Predict(const ModelSpec& spec, const Ensemble& ensemble, bool trained, absl::Span<const uint8_t> inputs,
                                   size_t batch, const std::function<bool()>& abandoned) {
  Prediction prediction;
  prediction.snapshot = ensemble.Current();
  const std::vector<Constituent>& constituents = prediction.snapshot->constituents;
  if (constituents.empty()) {
    if (!trained) {
      return Error(absl::StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED", "the model was not trained yet: call TrainModel");
    }
    return WithRetryAfter(Error(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS",
                                "no constituent of the model votes at the moment: all are being trained"),
                          absl::Seconds(1));
  }

  const size_t classes = spec.classes();
  std::vector<float> outputs(constituents.size() * batch * classes);
  for (size_t k = 0; k < constituents.size(); ++k) {
    if (abandoned()) return absl::CancelledError("the caller no longer waits for the prediction");
    RETURN_IF_ERROR(constituents[k].network->Probabilities(
        inputs, batch, absl::MakeSpan(outputs).subspan(k * batch * classes, batch * classes)));
  }

  prediction.verdicts.reserve(batch);
  std::vector<absl::Span<const float>> votes(constituents.size());
  for (size_t i = 0; i < batch; ++i) {
    for (size_t k = 0; k < votes.size(); ++k) {
      votes[k] = absl::MakeConstSpan(outputs).subspan((k * batch + i) * classes, classes);
    }
    prediction.verdicts.push_back(Aggregate(spec.sisa.aggregation, votes));
  }
  return prediction;
}

}  // namespace expunge
