#include "storage/pattern_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace expunge {
namespace {

constexpr size_t kWindowBytes = PatternSet::kMinBytes;
constexpr size_t kGramBytes = 5;                           // what the filter knows
constexpr size_t kStride = kWindowBytes - kGramBytes + 1;  // each window has a gram at a multiple of it
constexpr size_t kFilterBitsPerGram = 32;
constexpr size_t kMinFilterWords = 512;
constexpr size_t kMaxFilterWords = size_t{1} << 17;  // 1 MiB: a larger one falls out of the processor's cache
constexpr size_t kCounters = size_t{1} << 20;

uint64_t WindowAt(const char* bytes) {
  uint64_t window;
  std::memcpy(&window, bytes, sizeof(window));
  return window;
}

// A gram, spread over 64 bits; the bits that are used below depend on all of it. The most common gram, of zeros, must
// not be the one whose two bits are the same.
uint64_t HashAt(const char* bytes) {
  uint32_t low;
  std::memcpy(&low, bytes, sizeof(low));
  const uint64_t high = static_cast<uint8_t>(bytes[4]);
  return ((low | high << 32) ^ 0x5bd1e995) * 0x9e3779b97f4a7c15;
}

size_t SlotOf(uint64_t hash) { return hash >> 40; }
uint64_t BitsOf(uint64_t hash) { return uint64_t{1} << (hash >> 58) | uint64_t{1} << (hash >> 34 & 63); }

size_t CounterOf(uint64_t window) { return (window * 0x9e3779b97f4a7c15) >> 44; }

int DistinctBytes(const char* window) {
  int distinct = 0;
  for (size_t i = 0; i < kWindowBytes; ++i) distinct += std::find(window, window + i, window[i]) == window + i;
  return distinct;
}

// Names share their beginnings and pictures their black margins: a window that many patterns have would send each of
// them to be compared. Among equals the one with the most different bytes, for runs of one byte are common in files.
size_t RarestWindow(const std::string& pattern, const std::vector<uint32_t>& counters) {
  size_t rarest = 0;
  uint32_t least = UINT32_MAX;
  int most_distinct = 0;
  for (size_t offset = 0; offset + kWindowBytes <= pattern.size(); ++offset) {
    const char* const window = pattern.data() + offset;
    const uint32_t count = counters[CounterOf(WindowAt(window))];
    if (count > least || (count == least && most_distinct == kWindowBytes)) continue;
    const int distinct = DistinctBytes(window);
    if (count == least && distinct <= most_distinct) continue;
    rarest = offset;
    least = count;
    most_distinct = distinct;
  }
  return rarest;
}

}  // namespace

absl::StatusOr<PatternSet> PatternSet::Create(std::vector<std::string> patterns) {
  if (patterns.empty()) return InvalidField("patterns", "must not be empty");
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (patterns[i].size() >= kMinBytes) continue;
    return InvalidField(absl::StrCat("patterns[", i, "]"),
                        absl::StrCat("must have at least ", kMinBytes, " bytes, has ", patterns[i].size()));
  }
  return PatternSet(std::move(patterns));
}

PatternSet::PatternSet(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  std::vector<uint32_t> counters(kCounters);  // of windows, with collisions: a large count is no proof, a small one is
  for (const std::string& pattern : patterns_) {
    longest_ = std::max(longest_, pattern.size());
    for (size_t offset = 0; offset + kWindowBytes <= pattern.size(); ++offset) {
      ++counters[CounterOf(WindowAt(pattern.data() + offset))];
    }
  }
  windows_.reserve(patterns_.size());
  for (size_t i = 0; i < patterns_.size(); ++i) {
    const size_t offset = RarestWindow(patterns_[i], counters);
    windows_.push_back({WindowAt(patterns_[i].data() + offset), i, offset});
  }
  std::sort(windows_.begin(), windows_.end(), [](const Window& a, const Window& b) { return a.bytes < b.bytes; });
  groups_.reserve(windows_.size());
  for (size_t i = 0; i < windows_.size(); ++i) groups_.try_emplace(windows_[i].bytes, i);
  FillFilter();
}

void PatternSet::FillFilter() {
  const size_t wanted = groups_.size() * kStride * kFilterBitsPerGram / 64;
  filter_.resize(std::clamp(std::bit_ceil(wanted), kMinFilterWords, kMaxFilterWords));
  for (const Window& window : windows_) {
    const char* const bytes = patterns_[window.pattern].data() + window.offset;
    for (size_t i = 0; i < kStride; ++i) {
      const uint64_t hash = HashAt(bytes + i);
      filter_[SlotOf(hash) & (filter_.size() - 1)] |= BitsOf(hash);
    }
  }
}

void PatternSet::Find(std::string_view text, Found found) const {
  const uint64_t* const filter = filter_.data();
  const size_t mask = filter_.size() - 1;
  for (size_t at = 0; at + kGramBytes <= text.size(); at += kStride) {
    const uint64_t hash = HashAt(text.data() + at);
    const uint64_t bits = BitsOf(hash);
    if ((filter[SlotOf(hash) & mask] & bits) == bits) Confirm(text, at, found);
  }
}

// The windows that have their gram at `at`.
void PatternSet::Confirm(std::string_view text, size_t at, Found found) const {
  for (size_t begin = at - std::min(at, kStride - 1); begin <= at && begin + kWindowBytes <= text.size(); ++begin) {
    const auto group = groups_.find(WindowAt(text.data() + begin));
    if (group == groups_.end()) continue;
    for (size_t i = group->second; i < windows_.size() && windows_[i].bytes == group->first; ++i) {
      const std::string& pattern = patterns_[windows_[i].pattern];
      if (begin < windows_[i].offset) continue;
      const size_t offset = begin - windows_[i].offset;
      if (text.substr(offset, pattern.size()) == pattern) found(offset, windows_[i].pattern);
    }
  }
}

}  // namespace expunge
