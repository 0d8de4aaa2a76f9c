#include "metrics/inference_metrics.h"

#include <utility>

#include "metrics/families.h"

namespace expunge {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Failure = InferenceStatistics::Failure;

constexpr std::pair<Failure, const char*> kFailures[] = {{Failure::kQueueFull, "queue_full"},
                                                         {Failure::kAbandoned, "abandoned"},
                                                         {Failure::kNoConstituents, "no_constituents"},
                                                         {Failure::kOther, "other"}};
static_assert(std::size(kFailures) == InferenceStatistics::kFailures);

}  // namespace

std::vector<MetricFamily> InferenceMetrics::Collect() const {
  Families families;
  AddValue(Add(families, MetricType::Counter, "expunge_inference_requests_total", "Predicts that were answered."),
           statistics_->answered());
  MetricFamily& failures = Add(families, MetricType::Counter, "expunge_inference_failures_total",
                               "Predicts, well-formed and of a model that exists, that were not answered.");
  for (const auto& [failure, name] : kFailures) AddValue(failures, statistics_->failures(failure), {{"reason", name}});
  AddValue(Add(families, MetricType::Counter, "expunge_inference_batches_total", "Batches that were computed."),
           statistics_->batches());
  AddValue(Add(families, MetricType::Counter, "expunge_inference_samples_total",
               "Inputs in these batches: divided by their number, the batch size."),
           statistics_->samples());
  AddHistogram(Add(families, MetricType::Histogram, "expunge_inference_queue_seconds",
                   "How long a Predict waited until its batch was computed."),
               statistics_->queued());
  AddHistogram(
      Add(families, MetricType::Histogram, "expunge_inference_compute_seconds", "How long a batch was computed."),
      statistics_->computing());
  return families;
}

}  // namespace expunge
