#ifndef EXPUNGE_SISA_LINEAGE_H_
#define EXPUNGE_SISA_LINEAGE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "model/ids.h"
#include "model/spec.h"

namespace expunge {

// The digest of exactly what trained a checkpoint.
using Lineage = Digest;

// One sample as a lineage sees it. `digest` is keyed with a secret that dies with the subject's key, so that a lineage
// kept after an erasure does not tell whether somebody had been in the data.
struct SampleInSlice {
  uint32_t slice = 0;
  SampleKey key;
  Digest digest;
};

// The lineage of each slice of one shard, r = 0 .. slices - 1:
//   L(-1) = H(model configuration, numeric environment, shard)
//   L(r)  = H(L(r-1), r, number of samples, their keys and digests sorted by key)
// so L(r) covers every slice up to r, an empty slice too. The order of `samples` does not matter.
// Precondition: every sample's slice < spec.sisa.slices. Golden file: tests/golden/lineage_v1.hex.
std::vector<Lineage> ComputeLineages(const ModelSpec& spec, std::string_view numeric_environment, uint32_t shard,
                                     std::vector<SampleInSlice> samples);

}  // namespace expunge

#endif  // EXPUNGE_SISA_LINEAGE_H_
