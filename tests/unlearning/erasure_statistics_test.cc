#include "unlearning/erasure_statistics.h"

#include "gtest/gtest.h"

namespace expunge {
namespace {

using Outcome = ErasureStatistics::Outcome;
using Standing = ErasureStatistics::Standing;

constexpr int64_t kReceived = 1'700'000'000'000'000;  // microseconds

records::Erasure Received(Regulation regulation = Regulation::kGdpr) {
  records::Erasure erasure;
  erasure.set_regulation(static_cast<uint32_t>(regulation));
  erasure.set_state(records::Erasure::IN_PROGRESS);
  erasure.set_received_time_micros(kReceived);
  return erasure;
}

uint64_t CountOf(const Histogram& histogram) {
  uint64_t sum = 0;
  for (const uint64_t count : histogram.Take().counts) sum += count;
  return sum;
}

TEST(ErasureStatisticsTest, AMilestoneIsTimedWhenItIsSetAndNotAgain) {
  ErasureStatistics statistics;
  records::Erasure erasure = Received();
  erasure.set_isolated_time_micros(kReceived + 2'000);
  statistics.CountRecorded(erasure);
  EXPECT_EQ(CountOf(statistics.until_isolated()), 1);
  EXPECT_EQ(statistics.until_isolated().Take().sum, absl::Milliseconds(2));
  EXPECT_EQ(CountOf(statistics.until_purged()), 0);

  Standing before(erasure);
  erasure.set_purged_time_micros(kReceived + 3'000'000);
  statistics.CountChange(before, erasure);
  before = Standing(erasure);
  erasure.set_reclaimed_time_micros(kReceived + 7'200'000'000);
  statistics.CountChange(before, erasure);
  EXPECT_EQ(CountOf(statistics.until_isolated()), 1);
  EXPECT_EQ(CountOf(statistics.until_purged()), 1);
  EXPECT_EQ(statistics.until_purged().Take().sum, absl::Seconds(3));
  EXPECT_EQ(CountOf(statistics.until_reclaimed()), 1);
  EXPECT_EQ(statistics.until_reclaimed().Take().sum, absl::Hours(2));
}

TEST(ErasureStatisticsTest, WhatFailsAgainAfterARetryCountsAgainAndItsEndOnce) {
  ErasureStatistics statistics;
  records::Erasure erasure = Received(Regulation::kCcpa);
  statistics.CountRecorded(erasure);
  for (const auto state : {records::Erasure::FAILED, records::Erasure::FAILED, records::Erasure::IN_PROGRESS,
                           records::Erasure::FAILED, records::Erasure::COMPLETED, records::Erasure::COMPLETED}) {
    const Standing before(erasure);
    erasure.set_state(state);
    statistics.CountChange(before, erasure);
  }
  EXPECT_EQ(statistics.Received(Regulation::kCcpa), 1);
  EXPECT_EQ(statistics.Reached(Regulation::kCcpa, Outcome::kFailed), 2);
  EXPECT_EQ(statistics.Reached(Regulation::kCcpa, Outcome::kCompleted), 1);
  EXPECT_EQ(statistics.Received(Regulation::kGdpr), 0);
  EXPECT_EQ(statistics.Reached(Regulation::kGdpr, Outcome::kCompleted), 0);
}

TEST(ErasureStatisticsTest, WhatIsCompletedAtOnceIsAnOutcomeAndNoMeasurement) {
  ErasureStatistics statistics;
  records::Erasure erasure = Received();
  erasure.set_state(records::Erasure::COMPLETED);
  erasure.set_isolated_time_micros(kReceived);
  erasure.set_purged_time_micros(kReceived);
  statistics.CountRecorded(erasure);
  EXPECT_EQ(statistics.Received(Regulation::kGdpr), 1);
  EXPECT_EQ(statistics.Reached(Regulation::kGdpr, Outcome::kCompleted), 1);
  EXPECT_EQ(CountOf(statistics.until_isolated()), 0);
  EXPECT_EQ(CountOf(statistics.until_purged()), 0);
}

TEST(ErasureStatisticsTest, ARegulationOfALaterVersionCountsAmongTheOthers) {
  ErasureStatistics statistics;
  statistics.CountRecorded(Received(static_cast<Regulation>(99)));
  EXPECT_EQ(statistics.Received(Regulation::kOther), 1);
}

}  // namespace
}  // namespace expunge
