#ifndef EXPUNGE_METRICS_ENGINE_METRICS_H_
#define EXPUNGE_METRICS_ENGINE_METRICS_H_

#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace expunge {

// What an engine tells about itself, read anew at each scrape: O(open erasures). Counters and histograms are since the
// start of the process, gauges are what Audit reports. The values of labels are ours alone: no subject, sample, model
// or text of a caller is among them. Thread-safe; `engine`, recovered, and `clock` are not owned.
class EngineMetrics : public prometheus::Collectable {
 public:
  EngineMetrics(Engine* engine, const Clock* clock) : engine_(engine), clock_(clock) {}

  // Without the metrics of what could not be read, which is logged.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Engine* const engine_;
  const Clock* const clock_;
};

}  // namespace expunge

#endif  // EXPUNGE_METRICS_ENGINE_METRICS_H_
