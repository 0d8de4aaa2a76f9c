#include "base/histogram.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"

namespace expunge {
namespace {

using testing::ElementsAre;

TEST(HistogramTest, ABoundBelongsToItsBucketAndWhatIsAboveThemAllToTheLast) {
  Histogram histogram({absl::Seconds(1), absl::Seconds(5)});
  histogram.Observe(absl::ZeroDuration());
  histogram.Observe(absl::Seconds(1));
  histogram.Observe(absl::Seconds(1) + absl::Microseconds(1));
  histogram.Observe(absl::Seconds(5));
  histogram.Observe(absl::Hours(1));
  const Histogram::Snapshot snapshot = histogram.Take();
  EXPECT_THAT(snapshot.counts, ElementsAre(2, 2, 1));
  EXPECT_EQ(snapshot.sum, absl::Seconds(3607) + absl::Microseconds(1));
}

TEST(HistogramTest, ANegativeDurationCountsAsZero) {
  Histogram histogram({absl::Seconds(1)});
  histogram.Observe(-absl::Hours(1));
  EXPECT_THAT(histogram.Take().counts, ElementsAre(1, 0));
  EXPECT_EQ(histogram.Take().sum, absl::ZeroDuration());
}

TEST(HistogramTest, NoObservationOfManyThreadsIsLost) {
  Histogram histogram({absl::Milliseconds(1)});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&histogram] {
      for (int k = 0; k < 10'000; ++k) histogram.Observe(absl::Milliseconds(k % 2 + 1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(histogram.Take().counts, ElementsAre(20'000, 20'000));
  EXPECT_EQ(histogram.Take().sum, absl::Seconds(60));
}

}  // namespace
}  // namespace expunge
