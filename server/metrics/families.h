#ifndef EXPUNGE_METRICS_FAMILIES_H_
#define EXPUNGE_METRICS_FAMILIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"

namespace expunge {

using Families = std::vector<prometheus::MetricFamily>;
using Labels = std::vector<prometheus::ClientMetric::Label>;

// The new family is valid until the next one is added.
prometheus::MetricFamily& Add(Families& families, prometheus::MetricType type, std::string name, std::string help);

// To a counter or a gauge.
void AddValue(prometheus::MetricFamily& family, double value, Labels labels = {});
void AddValue(prometheus::MetricFamily& family, uint64_t value, Labels labels = {});

// In seconds.
void AddHistogram(prometheus::MetricFamily& family, const Histogram& histogram, Labels labels = {});

}  // namespace expunge

#endif  // EXPUNGE_METRICS_FAMILIES_H_
