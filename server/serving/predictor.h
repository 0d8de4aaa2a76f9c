#ifndef EXPUNGE_SERVING_PREDICTOR_H_
#define EXPUNGE_SERVING_PREDICTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/spec.h"
#include "serving/ensemble.h"
#include "sisa/aggregation.h"

namespace expunge {

struct Prediction {
  std::vector<Verdict> verdicts;             // one per input
  std::shared_ptr<const Snapshot> snapshot;  // what answered
};

// Answers a batch with the constituents of one snapshot, taken when the call begins. Thread-safe; takes no lock.
// `inputs`: `batch` samples in the model's source dtype, row-major; the caller has checked their size and values.
// `abandoned` is asked before each constituent.
// FAILED_PRECONDITION (MODEL_NOT_TRAINED) or UNAVAILABLE (NO_CONSTITUENTS, with a time to retry after: every
// constituent is being retrained) when none votes, depending on `trained`; CANCELLED when abandoned.
absl::StatusOr<Prediction> Predict(const ModelSpec& spec, const Ensemble& ensemble, bool trained,
                                   absl::Span<const uint8_t> inputs, size_t batch,
                                   const std::function<bool()>& abandoned);

}  // namespace expunge

#endif  // EXPUNGE_SERVING_PREDICTOR_H_
