#include "sisa/placement.h"

#include "base/digest.h"

namespace expunge {
namespace {

uint64_t LoadLittleEndian(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= uint64_t{bytes[i]} << (8 * i);
  return value;
}

// Maps 64 random bits to 0 .. count - 1 (Lemire 2019, without rejection: the bias is below count / 2^64).
uint32_t Scale(uint64_t random, uint32_t count) {
  __extension__ using Product = unsigned __int128;
  return static_cast<uint32_t>((Product{random} * count) >> 64);
}

}  // namespace

Placement Place(const ModelSpec& spec, const Pseudonym& subject, ErasureLikelihood likelihood) {
  const Digest random = KeyedHash(LittleEndian(spec.training.seed), {"expunge.placement.v1", AsBytes(subject)});
  const uint32_t slices = spec.sisa.slices;
  const uint32_t half = (slices + 1) / 2;
  uint32_t first = 0;
  uint32_t count = slices;
  if (likelihood == ErasureLikelihood::kHigh) first = slices - half;
  if (likelihood != ErasureLikelihood::kUnspecified) count = half;
  return {.shard = Scale(LoadLittleEndian(random.data()), spec.sisa.shards),
          .slice = first + Scale(LoadLittleEndian(random.data() + 8), count)};
}

}  // namespace expunge
