#ifndef EXPUNGE_METRICS_METRICS_SERVER_H_
#define EXPUNGE_METRICS_METRICS_SERVER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "serving/inference_statistics.h"

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace expunge {

// Serves EngineMetrics and InferenceMetrics over HTTP at /metrics, in Prometheus' text format, with two threads of its
// own. Thread-safe.
class MetricsServer {
 public:
  // Serves when it returns. `listen` is HOST:PORT; port 0: a free one. `engine`, recovered, `inference` and `clock` are
  // not owned and outlive it. INVALID_ARGUMENT: ValidateMetricsAddress's. FAILED_PRECONDITION
  // (METRICS_ADDRESS_UNAVAILABLE): the port is in use, or the address not on this machine.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& listen, Engine* engine,
                                                              const InferenceStatistics* inference, const Clock* clock);

  ~MetricsServer();  // waits for scrapes that run, and not for clients that are silent

  int port() const { return port_; }

 private:
  explicit MetricsServer(std::vector<std::shared_ptr<prometheus::Collectable>> metrics);

  const std::vector<std::shared_ptr<prometheus::Collectable>> metrics_;
  int port_ = 0;
  std::unique_ptr<prometheus::Exposer> exposer_;  // last: its end is the end of every scrape
};

// INVALID_ARGUMENT, field "metrics-listen", unless it is HOST:PORT with a loopback host of IPv4: Debian's HTTP library
// has no IPv6.
absl::Status ValidateMetricsAddress(std::string_view listen);

}  // namespace expunge

#endif  // EXPUNGE_METRICS_METRICS_SERVER_H_
