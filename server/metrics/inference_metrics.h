#ifndef EXPUNGE_METRICS_INFERENCE_METRICS_H_
#define EXPUNGE_METRICS_INFERENCE_METRICS_H_

#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "serving/inference_statistics.h"

namespace expunge {

// What the Predicts of both protocols cost, of all models together. Thread-safe; `statistics` is not owned.
class InferenceMetrics : public prometheus::Collectable {
 public:
  explicit InferenceMetrics(const InferenceStatistics* statistics) : statistics_(statistics) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const InferenceStatistics* const statistics_;
};

}  // namespace expunge

#endif  // EXPUNGE_METRICS_INFERENCE_METRICS_H_
