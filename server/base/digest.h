#ifndef EXPUNGE_BASE_DIGEST_H_
#define EXPUNGE_BASE_DIGEST_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace expunge {

// 32 bytes: a SHA-256 value, an HMAC-SHA256 value or a 256-bit key.
using Digest = std::array<uint8_t, 32>;

inline std::string_view AsBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Fails with INTERNAL unless `bytes` has 32 bytes.
absl::StatusOr<Digest> DigestFromBytes(std::string_view bytes);

std::string ToHex(std::string_view bytes);

// `value` as 8 bytes, the lowest first: a part of a KeyedHash, a field of an encoding.
std::string LittleEndian(uint64_t value);

Digest Sha256(std::string_view bytes);

// HMAC-SHA256 (RFC 2104) over the parts, each preceded by its length as 8 bytes little-endian, so that
// different lists of parts never give the same message.
Digest KeyedHash(std::string_view key, std::initializer_list<std::string_view> parts);

// SHA-256 of a stream of fields with an unambiguous encoding. Not thread-safe.
class DigestBuilder {
 public:
  explicit DigestBuilder(std::string_view domain);  // separates uses from one another
  ~DigestBuilder();

  DigestBuilder& AddInt(uint64_t value);            // 8 bytes little-endian
  DigestBuilder& AddBytes(std::string_view bytes);  // length as AddInt, then the bytes
  DigestBuilder& AddFixed(std::string_view bytes);  // the bytes alone: for fields of one fixed size
  Digest Finish();                                  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace expunge

#endif  // EXPUNGE_BASE_DIGEST_H_
