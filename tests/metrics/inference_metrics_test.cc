#include "metrics/inference_metrics.h"

#include <map>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/text_serializer.h"
#include "tests/testing/metrics_page.h"

namespace expunge {
namespace {

using Failure = InferenceStatistics::Failure;

MetricsPage PageOf(const InferenceStatistics& statistics) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, InferenceMetrics(&statistics).Collect());
  return MetricsPage(text.str());
}

TEST(InferenceMetricsTest, BeforeTheFirstPredictEveryMetricIsThereAndZero) {
  const MetricsPage page = PageOf(InferenceStatistics());
  const std::map<std::string, std::string> expected = {
      {"expunge_inference_requests_total", "counter"},  {"expunge_inference_failures_total", "counter"},
      {"expunge_inference_batches_total", "counter"},   {"expunge_inference_samples_total", "counter"},
      {"expunge_inference_queue_seconds", "histogram"}, {"expunge_inference_compute_seconds", "histogram"},
  };
  EXPECT_EQ(page.types(), expected);
  for (const auto& [sample, value] : page.samples()) EXPECT_EQ(value, 0) << sample;
}

TEST(InferenceMetricsTest, ShowsWhatWasCounted) {
  InferenceStatistics statistics;
  for (int i = 0; i < 3; ++i) statistics.CountAnswered();
  statistics.CountFailure(Failure::kQueueFull);
  statistics.CountFailure(Failure::kNoConstituents);
  statistics.CountFailure(Failure::kNoConstituents);
  statistics.CountQueued(absl::Microseconds(40));
  statistics.CountBatch(8, absl::Microseconds(100));
  statistics.CountBatch(4, absl::Seconds(3));
  const MetricsPage page = PageOf(statistics);
  EXPECT_EQ(page["expunge_inference_requests_total"], 3);
  EXPECT_EQ(page["expunge_inference_failures_total{reason=\"queue_full\"}"], 1);
  EXPECT_EQ(page["expunge_inference_failures_total{reason=\"no_constituents\"}"], 2);
  EXPECT_EQ(page["expunge_inference_failures_total{reason=\"abandoned\"}"], 0);
  EXPECT_EQ(page["expunge_inference_batches_total"], 2);
  EXPECT_EQ(page["expunge_inference_samples_total"], 12);
  EXPECT_EQ(page["expunge_inference_queue_seconds_bucket{le=\"5e-05\"}"], 1);
  EXPECT_EQ(page["expunge_inference_compute_seconds_bucket{le=\"0.0001\"}"], 1);
  EXPECT_EQ(page["expunge_inference_compute_seconds_bucket{le=\"+Inf\"}"], 2);
}

}  // namespace
}  // namespace expunge
