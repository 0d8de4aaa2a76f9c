#ifndef EXPUNGE_SERVING_PREDICTOR_H_
#define EXPUNGE_SERVING_PREDICTOR_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/spec.h"
#include "serving/ensemble.h"
#include "sisa/aggregation.h"

namespace expunge {

struct Prediction {
  std::vector<Verdict> verdicts;             // one per sample
  std::vector<float> probabilities;          // samples x classes: means over the constituents
  std::shared_ptr<const Snapshot> snapshot;  // what answered

  absl::Span<const float> ProbabilitiesOf(size_t sample) const {
    const size_t classes = probabilities.size() / verdicts.size();
    return absl::MakeConstSpan(probabilities).subspan(sample * classes, classes);
  }
};

// Answers a batch with the constituents of one snapshot. Thread-safe; takes no lock. `samples`: where each lies, in the
// model's source dtype, row-major; the caller has checked their size and values.
// UNAVAILABLE (NO_CONSTITUENTS, with a time to retry after) when none votes.
absl::StatusOr<Prediction> Predict(const ModelSpec& spec, std::shared_ptr<const Snapshot> snapshot,
                                   absl::Span<const uint8_t* const> samples);

}  // namespace expunge

#endif  // EXPUNGE_SERVING_PREDICTOR_H_
