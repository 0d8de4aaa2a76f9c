#include "client/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

// The smallest value that `percent` of them do not exceed.
absl::Duration Exact(std::vector<absl::Duration> values, double percent) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
  return values[std::max<size_t>(rank, 1) - 1];
}

// Never below the exact one, and above it by at most one percent.
void ExpectClose(absl::Duration found, absl::Duration exact) {
  EXPECT_GE(found, exact);
  EXPECT_LE(found, exact * 1.01);
}

TEST(LatencyHistogramTest, PercentilesAreThoseOfTheValuesWithinOnePercent) {
  std::mt19937_64 generator(1);
  std::lognormal_distribution<double> micros(/*m=*/6, /*s=*/3);  // from below a microsecond to minutes
  std::vector<absl::Duration> values(100'000);
  LatencyHistogram histogram;
  for (absl::Duration& value : values) {
    value = absl::Nanoseconds(std::llround(1e3 * micros(generator)));
    histogram.Add(value);
  }
  EXPECT_EQ(histogram.count(), 100'000);
  EXPECT_EQ(histogram.max(), Exact(values, 100));
  for (const double percent : {0.0, 0.1, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    ExpectClose(histogram.Percentile(percent), Exact(values, percent));
  }
}

TEST(LatencyHistogramTest, EveryPowerOfTwoAndItsNeighboursAreWithinOnePercent) {
  for (int exponent = 0; exponent < 43; ++exponent) {
    for (const int64_t step : {-1, 0, 1}) {
      const absl::Duration value = absl::Nanoseconds((int64_t{1} << exponent) + step);
      LatencyHistogram histogram;
      histogram.Add(value);
      histogram.Add(LatencyHistogram::Longest());  // or the maximum, which is exact, would bound the first
      ExpectClose(histogram.Percentile(50), std::min(value, LatencyHistogram::Longest()));
    }
  }
}

TEST(LatencyHistogramTest, WhatIsOutOfItsRangeCountsAsItsEnds) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Percentile(99), absl::ZeroDuration());
  EXPECT_EQ(histogram.max(), absl::ZeroDuration());
  histogram.Add(absl::Seconds(-1));
  EXPECT_EQ(histogram.Percentile(100), absl::ZeroDuration());
  histogram.Add(absl::InfiniteDuration());
  EXPECT_EQ(histogram.Percentile(100), LatencyHistogram::Longest());
  EXPECT_EQ(histogram.count(), 2);
}

}  // namespace
}  // namespace expunge
