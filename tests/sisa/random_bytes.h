#ifndef EXPUNGE_TESTS_SISA_RANDOM_BYTES_H_
#define EXPUNGE_TESTS_SISA_RANDOM_BYTES_H_

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "model/ids.h"

namespace expunge {

// Reproducible keys and digests.
template <typename Bytes>
Bytes RandomBytes(std::mt19937_64* random) {
  Bytes bytes;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((*random)());
  return bytes;
}

inline std::vector<SampleKey> RandomKeys(size_t count, std::mt19937_64* random) {
  std::vector<SampleKey> keys(count);
  for (SampleKey& key : keys) key = RandomBytes<SampleKey>(random);
  return keys;
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_SISA_RANDOM_BYTES_H_
