#include "sisa/aggregation.h"

#include <algorithm>
#include <tuple>

namespace expunge {
namespace {

// The first of the highest values.
uint32_t ArgMax(absl::Span<const float> values) {
  return static_cast<uint32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<float> Mean(absl::Span<const absl::Span<const float>> outputs) {
  std::vector<double> sums(outputs.front().size());
  for (const auto& output : outputs) {
    for (size_t c = 0; c < sums.size(); ++c) sums[c] += output[c];
  }
  std::vector<float> mean(sums.size());
  for (size_t c = 0; c < sums.size(); ++c) mean[c] = static_cast<float>(sums[c] / static_cast<double>(outputs.size()));
  return mean;
}

uint32_t MajorityVote(absl::Span<const absl::Span<const float>> outputs, absl::Span<const float> mean) {
  std::vector<uint32_t> votes(mean.size());
  for (const auto& output : outputs) ++votes[ArgMax(output)];
  uint32_t best = 0;
  for (uint32_t c = 1; c < votes.size(); ++c) {
    if (std::tie(votes[c], mean[c]) > std::tie(votes[best], mean[best])) best = c;
  }
  return best;
}

}  // namespace

Verdict Aggregate(Aggregation aggregation, absl::Span<const absl::Span<const float>> outputs) {
  Verdict verdict;
  verdict.probabilities = Mean(outputs);
  verdict.label = aggregation == Aggregation::kMajorityVote ? MajorityVote(outputs, verdict.probabilities)
                                                            : ArgMax(verdict.probabilities);
  return verdict;
}

}  // namespace expunge
