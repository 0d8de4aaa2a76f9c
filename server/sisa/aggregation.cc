#include "sisa/aggregation.h"

#include <algorithm>
#include <tuple>

#include "absl/container/inlined_vector.h"

namespace expunge {
namespace {

// Per class; room for as many as most models have.
template <typename Value>
using PerClass = absl::InlinedVector<Value, 16>;

// Sums of rounded floats: a margin that is no larger than this may be none.
constexpr double kRounding = 1e-6;

absl::Span<const float> Of(const Votes& votes, size_t constituent, size_t classes) {
  return {votes.probabilities + constituent * votes.stride, classes};
}

// The first of the highest values.
uint32_t ArgMax(absl::Span<const float> values) {
  return static_cast<uint32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

// The lead over the strongest other class.
template <typename Value>
Value Lead(const PerClass<Value>& scores, uint32_t label) {
  Value strongest = 0;
  for (uint32_t c = 0; c < scores.size(); ++c) {
    if (c != label) strongest = std::max(strongest, scores[c]);
  }
  return scores[label] - strongest;
}

Verdict MeanProbability(const Votes& votes, absl::Span<float> mean) {
  PerClass<double> sums(mean.size()), complete_sums(mean.size());
  for (size_t k = 0; k < votes.complete.size(); ++k) {
    const absl::Span<const float> output = Of(votes, k, mean.size());
    for (size_t c = 0; c < mean.size(); ++c) sums[c] += output[c];
    if (votes.behind == 0 || votes.complete[k] == 0) continue;
    for (size_t c = 0; c < mean.size(); ++c) complete_sums[c] += output[c];
  }
  const double constituents = static_cast<double>(votes.complete.size());
  for (size_t c = 0; c < mean.size(); ++c) mean[c] = static_cast<float>(sums[c] / constituents);
  const uint32_t label = ArgMax(mean);
  return {label, votes.behind == 0 || Lead(complete_sums, label) > votes.behind + kRounding * constituents};
}

uint32_t Elected(const PerClass<int64_t>& ballots, absl::Span<const float> mean) {
  uint32_t best = 0;
  for (uint32_t c = 1; c < ballots.size(); ++c) {
    if (std::tie(ballots[c], mean[c]) > std::tie(ballots[best], mean[best])) best = c;
  }
  return best;
}

}  // namespace

Verdict Aggregate(Aggregation aggregation, const Votes& votes, absl::Span<float> mean) {
  Verdict verdict = MeanProbability(votes, mean);
  if (aggregation != Aggregation::kMajorityVote) return verdict;
  PerClass<int64_t> ballots(mean.size()), complete_ballots(mean.size());
  for (size_t k = 0; k < votes.complete.size(); ++k) {
    const uint32_t choice = ArgMax(Of(votes, k, mean.size()));
    ++ballots[choice];
    if (votes.complete[k] != 0) ++complete_ballots[choice];
  }
  verdict.label = Elected(ballots, mean);
  verdict.certified = votes.behind == 0 || Lead(complete_ballots, verdict.label) > int64_t{votes.behind};
  return verdict;
}

}  // namespace expunge
