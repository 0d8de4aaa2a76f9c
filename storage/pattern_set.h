#ifndef EXPUNGE_STORAGE_PATTERN_SET_H_
#define EXPUNGE_STORAGE_PATTERN_SET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace expunge {

// Many byte strings that are looked for in a text all at once, at a speed that hardly depends on their number.
// Immutable, so thread-safe. Takes about 100 bytes for each pattern beside its own.
//
// Of each pattern one window of 8 bytes is looked for, the rarest among all patterns; the rest is compared only where
// the window lies. A window covers the first 5 bytes at a multiple of 4, whatever its place: so only those are read,
// and a filter of bits (a Bloom filter within a word) sends nearly all of them away. A hostile text or set of patterns
// makes this slower, never wrong.
class PatternSet {
 public:
  static constexpr size_t kMinBytes = 8;

  // INVALID_ARGUMENT when there is no pattern, or one is shorter than kMinBytes; the message names its index and never
  // its content. Equal patterns are allowed, and each is found.
  static absl::StatusOr<PatternSet> Create(std::vector<std::string> patterns);

  const std::vector<std::string>& patterns() const { return patterns_; }
  size_t longest() const { return longest_; }  // bytes

  // Calls `found` once for each offset in `text` and each pattern that lies there as a whole, in no order.
  using Found = absl::FunctionRef<void(size_t offset, size_t pattern)>;
  void Find(std::string_view text, Found found) const;

 private:
  // The window of a pattern: eight bytes as a number, and where in the pattern they are.
  struct Window {
    uint64_t bytes;
    size_t pattern;
    size_t offset;
  };

  explicit PatternSet(std::vector<std::string> patterns);

  void FillFilter();
  void Confirm(std::string_view text, size_t at, Found found) const;

  std::vector<std::string> patterns_;
  size_t longest_ = 0;
  std::vector<Window> windows_;                   // by their bytes
  absl::flat_hash_map<uint64_t, size_t> groups_;  // from bytes to the first in windows_ that has them
  std::vector<uint64_t> filter_;                  // as many words as a power of two
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_PATTERN_SET_H_
