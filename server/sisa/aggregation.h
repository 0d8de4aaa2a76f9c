#ifndef EXPUNGE_SISA_AGGREGATION_H_
#define EXPUNGE_SISA_AGGREGATION_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/spec.h"

namespace expunge {

// What the ensemble answers for one input.
struct Verdict {
  uint32_t label = 0;                // class index
  std::vector<float> probabilities;  // mean over the constituents, one per class
  bool operator==(const Verdict&) const = default;
};

// `outputs[k]` are the probabilities of constituent k, one per class; there is at least one constituent.
// Mean probability: the class of the highest mean. Majority vote: the class that most constituents put first; a tie
// goes to the higher mean probability. A remaining tie, also within one constituent, goes to the lower class index.
// Sums run in double, in the order of `outputs`; means are compared as the floats that `probabilities` holds, so
// that whoever reads a verdict comes to the same label.
Verdict Aggregate(Aggregation aggregation, absl::Span<const absl::Span<const float>> outputs);

}  // namespace expunge

#endif  // EXPUNGE_SISA_AGGREGATION_H_
