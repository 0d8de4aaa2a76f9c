#include "metrics/families.h"

#include <limits>
#include <utility>

#include "absl/time/time.h"

namespace expunge {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily& Add(Families& families, MetricType type, std::string name, std::string help) {
  return families.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}});
}

void AddValue(MetricFamily& family, double value, Labels labels) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

void AddValue(MetricFamily& family, uint64_t value, Labels labels) {
  AddValue(family, static_cast<double>(value), std::move(labels));
}

void AddHistogram(MetricFamily& family, const Histogram& histogram, Labels labels) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  const Histogram::Snapshot snapshot = histogram.Take();
  uint64_t cumulative = 0;
  for (size_t i = 0; i < snapshot.counts.size(); ++i) {
    cumulative += snapshot.counts[i];
    const bool last = i == histogram.bounds().size();
    metric.histogram.bucket.push_back(
        {cumulative, last ? std::numeric_limits<double>::infinity() : absl::ToDoubleSeconds(histogram.bounds()[i])});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = absl::ToDoubleSeconds(snapshot.sum);
}

}  // namespace expunge
