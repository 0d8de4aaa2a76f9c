#ifndef EXPUNGE_SISA_AGGREGATION_H_
#define EXPUNGE_SISA_AGGREGATION_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "model/spec.h"

namespace expunge {

// What the constituents that vote answered to one input.
struct Votes {
  const float* probabilities = nullptr;  // constituent k's begin at probabilities + k * stride, one per class
  size_t stride = 0;
  // For each constituent that votes, at least one: not 0 when it is trained on all of its slices.
  absl::Span<const uint8_t> complete;
  // Constituents that are behind: they vote and are not complete, or will vote once they are trained.
  uint32_t behind = 0;
};

// What the ensemble answers for one input.
struct Verdict {
  uint32_t label = 0;      // class index
  bool certified = false;  // with those behind counted as they may vote one day, whatever that is, the label would win
  bool operator==(const Verdict&) const = default;
};

// Writes the mean of the constituents' probabilities, one per class, to `mean`.
// Mean probability: the class of the highest mean. Majority vote: the class that most constituents put first; a tie
// goes to the higher mean probability. A remaining tie, also within one constituent, goes to the lower class index.
// Sums run in double, in the order of the constituents; means are compared as the floats of `mean`, so that whoever
// reads them comes to the same label.
//
// Certified, with P constituents behind: of the complete ones' votes, the label has more than P more than any other
// class has; with mean probability, the sum of what they give to the label exceeds any other class's by more than P.
// The margin of deep partition aggregation (Levine & Feizi, "Deep Partition Aggregation", 2021), where the P were
// poisoned.
Verdict Aggregate(Aggregation aggregation, const Votes& votes, absl::Span<float> mean);

}  // namespace expunge

#endif  // EXPUNGE_SISA_AGGREGATION_H_
