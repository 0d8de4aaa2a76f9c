#include "sisa/aggregation.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

using Rows = std::vector<std::vector<float>>;

Verdict AggregateRows(Aggregation aggregation, const Rows& rows) {
  return Aggregate(aggregation, std::vector<absl::Span<const float>>(rows.begin(), rows.end()));
}

bool IsFirstMaximum(const std::vector<float>& values, size_t candidate) {
  for (size_t c = 0; c < values.size(); ++c) {
    if (values[c] > values[candidate] || (values[c] == values[candidate] && c < candidate)) return false;
  }
  return true;
}

// The rule of the header, class by class: the one that no other class beats.
Verdict Reference(Aggregation aggregation, const Rows& rows) {
  const size_t classes = rows[0].size();
  Verdict verdict;
  std::vector<int> votes(classes);
  for (size_t c = 0; c < classes; ++c) {
    double sum = 0;
    for (const auto& row : rows) {
      sum += row[c];
      votes[c] += IsFirstMaximum(row, c);
    }
    verdict.probabilities.push_back(static_cast<float>(sum / static_cast<double>(rows.size())));
  }
  const auto beats = [&](size_t a, size_t b) {
    if (aggregation == Aggregation::kMajorityVote && votes[a] != votes[b]) return votes[a] > votes[b];
    if (verdict.probabilities[a] != verdict.probabilities[b])
      return verdict.probabilities[a] > verdict.probabilities[b];
    return a < b;
  };
  for (size_t c = 0; c < classes; ++c) {
    bool beaten = false;
    for (size_t other = 0; other < classes; ++other) beaten |= other != c && beats(other, c);
    if (!beaten) verdict.label = static_cast<uint32_t>(c);
  }
  return verdict;
}

TEST(AggregateTest, EqualsTheReference) {
  std::mt19937_64 random(30);
  for (int round = 0; round < 20'000; ++round) {
    Rows rows(1 + random() % 9, std::vector<float>(2 + random() % 6));
    const uint64_t levels = random() % 2 == 0 ? 4 : uint64_t{1} << 24;  // few levels: many ties
    for (auto& row : rows) {
      for (float& value : row) value = static_cast<float>(random() % levels) / static_cast<float>(levels);
    }
    for (Aggregation aggregation : {Aggregation::kMeanProbability, Aggregation::kMajorityVote}) {
      ASSERT_EQ(AggregateRows(aggregation, rows), Reference(aggregation, rows)) << "round " << round;
    }
  }
}

TEST(AggregateTest, OneConstituentSpeaksForItself) {
  const Verdict expected = {.label = 1, .probabilities = {0.25f, 0.5f, 0.25f}};
  EXPECT_EQ(AggregateRows(Aggregation::kMeanProbability, {{0.25f, 0.5f, 0.25f}}), expected);
  EXPECT_EQ(AggregateRows(Aggregation::kMajorityVote, {{0.25f, 0.5f, 0.25f}}), expected);
}

TEST(AggregateTest, AMajorityOutvotesAConfidentMinority) {
  const Rows rows = {{0.55f, 0.45f}, {0.55f, 0.45f}, {0.0f, 1.0f}};
  EXPECT_EQ(AggregateRows(Aggregation::kMajorityVote, rows).label, 0u);
  EXPECT_EQ(AggregateRows(Aggregation::kMeanProbability, rows).label, 1u);
}

TEST(AggregateTest, ATiedVoteGoesToTheHigherMean) {
  const Rows rows = {{0.6f, 0.4f}, {0.1f, 0.9f}};
  EXPECT_EQ(AggregateRows(Aggregation::kMajorityVote, rows).label, 1u);
}

TEST(AggregateTest, ARemainingTieGoesToTheLowerClass) {
  const Rows across = {{0.25f, 0.75f}, {0.75f, 0.25f}};
  const Rows within = {{0.5f, 0.5f}};
  for (Aggregation aggregation : {Aggregation::kMeanProbability, Aggregation::kMajorityVote}) {
    EXPECT_EQ(AggregateRows(aggregation, across).label, 0u);
    EXPECT_EQ(AggregateRows(aggregation, within).label, 0u);
  }
}

TEST(AggregateTest, AClassWithoutVotesNeverWinsAMajority) {
  const Rows rows = {{0.5f, 0.0f, 0.49f}, {0.0f, 0.5f, 0.49f}};
  EXPECT_EQ(AggregateRows(Aggregation::kMeanProbability, rows).label, 2u);
  EXPECT_EQ(AggregateRows(Aggregation::kMajorityVote, rows).label, 0u);
}

TEST(AggregateTest, SumsInDouble) {
  Rows rows(1001, {0.0f, 1e-9f});
  rows[0] = {0.5f, 0.5f};  // in float the small ones would vanish beside it
  EXPECT_EQ(AggregateRows(Aggregation::kMeanProbability, rows).label, 1u);
}

}  // namespace
}  // namespace expunge
