#ifndef EXPUNGE_SISA_PLACEMENT_H_
#define EXPUNGE_SISA_PLACEMENT_H_

#include <compare>
#include <cstdint>

#include "model/ids.h"
#include "model/spec.h"

namespace expunge {

// Where a subject's samples go (SISA's sharding and slicing; Bourtoule et al. 2021, §IV and §VII).
struct Placement {
  uint32_t shard = 0;
  uint32_t slice = 0;
  auto operator<=>(const Placement&) const = default;
};

// How likely a subject is to ask for erasure, as its controller declares at ingest.
enum class ErasureLikelihood { kUnspecified = 0, kLow = 1, kHigh = 2 };

// A function of the model's declaration and of this subject alone: nobody else's coming or going moves anybody.
// Unspecified: uniform over shards and slices. kHigh goes to the later half of the slices, where forgetting is
// cheap; kLow to the earlier half. With an odd number of slices the middle one belongs to both halves.
// The shard never depends on the likelihood.
Placement Place(const ModelSpec& spec, const Pseudonym& subject, ErasureLikelihood likelihood);

}  // namespace expunge

#endif  // EXPUNGE_SISA_PLACEMENT_H_
