#include "sisa/aggregation.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

using Rows = std::vector<std::vector<float>>;

// A verdict with the probabilities that came with it.
struct Outcome {
  uint32_t label = 0;
  std::vector<float> probabilities;
  bool operator==(const Outcome&) const = default;
};

// The first `incomplete` constituents are not complete; `silent` more are behind and do not vote.
Verdict AggregateRows(Aggregation aggregation, const Rows& rows, size_t incomplete, uint32_t silent,
                      std::vector<float>* mean) {
  const size_t classes = rows[0].size();
  std::vector<float> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  std::vector<uint8_t> complete(rows.size(), 1);
  std::fill_n(complete.begin(), incomplete, uint8_t{0});
  mean->resize(classes);
  return Aggregate(aggregation, {flat.data(), classes, complete, static_cast<uint32_t>(incomplete) + silent},
                   absl::MakeSpan(*mean));
}

Outcome AggregateRows(Aggregation aggregation, const Rows& rows) {
  Outcome outcome;
  const Verdict verdict = AggregateRows(aggregation, rows, 0, 0, &outcome.probabilities);
  EXPECT_TRUE(verdict.certified) << "nobody is behind";
  outcome.label = verdict.label;
  return outcome;
}

bool IsFirstMaximum(const std::vector<float>& values, size_t candidate) {
  for (size_t c = 0; c < values.size(); ++c) {
    if (values[c] > values[candidate] || (values[c] == values[candidate] && c < candidate)) return false;
  }
  return true;
}

// The rule of the header, class by class: the one that no other class beats.
Outcome Reference(Aggregation aggregation, const Rows& rows) {
  const size_t classes = rows[0].size();
  Outcome verdict;
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
  const Outcome expected = {.label = 1, .probabilities = {0.25f, 0.5f, 0.25f}};
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

TEST(CertifiedTest, AMajorityIsCertifiedWhileItsLeadIsLargerThanThoseBehind) {
  const auto certified = [](size_t yes, size_t no, uint32_t behind) {
    Rows rows(yes, {0.1f, 0.9f});
    rows.insert(rows.end(), no, {0.9f, 0.1f});
    std::vector<float> mean;
    const Verdict verdict = AggregateRows(Aggregation::kMajorityVote, rows, 0, behind, &mean);
    EXPECT_EQ(verdict.label, 1u);
    return verdict.certified;
  };
  EXPECT_TRUE(certified(5, 2, 0));
  EXPECT_TRUE(certified(5, 2, 2));
  EXPECT_FALSE(certified(5, 2, 3)) << "three votes more would make a tie";
  EXPECT_TRUE(certified(4, 0, 3));
  EXPECT_FALSE(certified(4, 0, 4));
}

TEST(CertifiedTest, AMeanIsCertifiedWhileItsLeadIsLargerThanThoseBehind) {
  const Rows rows = {{0.1f, 0.9f}, {0.2f, 0.8f}, {0.1f, 0.9f}};  // a lead of 2.2
  std::vector<float> mean;
  for (const auto& [behind, expected] : {std::pair{0u, true}, {1u, true}, {2u, true}, {3u, false}}) {
    EXPECT_EQ(AggregateRows(Aggregation::kMeanProbability, rows, 0, behind, &mean).certified, expected) << behind;
  }
}

// Whoever is behind may come to vote for anything: no vote of theirs, whatever it is, changes a certified label.
TEST(CertifiedTest, NoVoteOfThoseBehindChangesACertifiedLabel) {
  std::mt19937_64 random(31);
  const auto probabilities = [&random](size_t classes) {
    std::vector<float> row(classes);
    float sum = 0;
    for (float& value : row) sum += value = static_cast<float>(random() % 100 == 0 ? 1000 : random() % 5);
    if (sum == 0) row[0] = sum = 1;
    for (float& value : row) value /= sum;
    return row;
  };
  int certified = 0;
  for (int round = 0; round < 20'000; ++round) {
    const size_t classes = 2 + random() % 3;
    const size_t incomplete = random() % 3;
    const uint32_t silent = random() % 2;
    Rows rows(incomplete + 1 + random() % 9);
    for (auto& row : rows) row = probabilities(classes);
    for (const Aggregation aggregation : {Aggregation::kMeanProbability, Aggregation::kMajorityVote}) {
      std::vector<float> mean;
      const Verdict verdict = AggregateRows(aggregation, rows, incomplete, silent, &mean);
      if (!verdict.certified) continue;
      ++certified;
      for (int trial = 0; trial < 4; ++trial) {
        Rows later = rows;
        later.resize(rows.size() + silent);
        const size_t enemy = random() % classes;
        for (size_t k = 0; k < later.size(); ++k) {
          if (k >= incomplete && k < rows.size()) continue;
          later[k] = probabilities(classes);
          if (trial > 0) later[k] = std::vector<float>(classes), later[k][enemy] = 1.0f;
        }
        EXPECT_EQ(AggregateRows(aggregation, later).label, verdict.label) << "round " << round;
      }
    }
  }
  EXPECT_GT(certified, 1000);
}

}  // namespace
}  // namespace expunge
