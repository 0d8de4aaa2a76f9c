#ifndef EXPUNGE_TESTS_PROOF_FLIPS_H_
#define EXPUNGE_TESTS_PROOF_FLIPS_H_

#include <cstddef>
#include <string>

namespace expunge {

// Calls `check` with each copy of `bytes` that differs from it in one bit, and with that bit's number.
template <typename Check>
void ForEachBitFlip(std::string bytes, Check check) {
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    check(bytes, bit);
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_PROOF_FLIPS_H_
