#ifndef EXPUNGE_MODEL_IDS_H_
#define EXPUNGE_MODEL_IDS_H_

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <string_view>

#include "base/digest.h"

namespace expunge {

// Names by which the system knows things. None holds text that a caller gave.

// A model, numbered by the store at its creation, never reused.
using ModelUid = uint32_t;
inline constexpr ModelUid kEveryModel = 0;  // no model has it

// A subject: HMAC-SHA256(deployment pepper, subject_id).
using Pseudonym = Digest;

// A sample: the first 16 bytes of HMAC-SHA256(deployment pepper, subject_id, sample_id).
using SampleKey = std::array<uint8_t, 16>;

inline std::string_view AsBytes(const SampleKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

// Precondition: `bytes` has 16 bytes.
inline SampleKey SampleKeyFromBytes(std::string_view bytes) {
  SampleKey key;
  std::copy_n(bytes.begin(), key.size(), key.begin());
  return key;
}

// An erasure: its position in the order of arrival, from 1.
using ErasureSequence = uint64_t;

// One shard of one model.
struct ShardId {
  ModelUid model = 0;
  uint32_t shard = 0;
  auto operator<=>(const ShardId&) const = default;
};

}  // namespace expunge

#endif  // EXPUNGE_MODEL_IDS_H_
