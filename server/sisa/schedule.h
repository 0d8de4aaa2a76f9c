#ifndef EXPUNGE_SISA_SCHEDULE_H_
#define EXPUNGE_SISA_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/digest.h"
#include "model/ids.h"
#include "model/spec.h"

namespace expunge {

// Epochs for which slice r (with all before it) is trained, for r = 0 .. slices - 1.
// SISA trains each slice for 2e / (R + 1) epochs, so that the whole costs what e epochs over the shard would
// (Bourtoule et al. 2021, §V). Fractions are carried to later slices: the first r slices together have
// floor(2er / (R + 1)) epochs, so the whole costs less than one epoch over the shard more or less than e.
// Each slice gets at least one epoch, which costs more than e where 2e < R + 1.
std::vector<uint32_t> EpochsPerSlice(uint32_t epochs, uint32_t slices);

// Seed of a constituent's initial parameters: a keyed hash of (model seed, shard).
Digest InitializationSeed(const ModelSpec& spec, uint32_t shard);

// The order in which one epoch visits the samples: a permutation of 0 .. samples.size() - 1. Samples are sorted by
// their keys encrypted as one block of AES-128 (FIPS 197), the cipher's key being the first 16 bytes of a keyed hash of
// (model seed, shard, slice, epoch). The cipher serves as a pseudorandom permutation: different sample keys never
// collide, and a block costs nanoseconds where an HMAC costs a microsecond.
// Taking samples out leaves the relative order of the others unchanged, and the order of `samples` does not matter.
// Precondition: the keys differ from one another, and there are fewer than 2^32.
std::vector<uint32_t> EpochOrder(const ModelSpec& spec, uint32_t shard, uint32_t slice, uint32_t epoch,
                                 absl::Span<const SampleKey> samples);

}  // namespace expunge

#endif  // EXPUNGE_SISA_SCHEDULE_H_
