#include "metrics/metrics_server.h"

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/listen_address.h"
#include "base/status_macros.h"
#include "metrics/engine_metrics.h"
#include "metrics/inference_metrics.h"
#include "prometheus/exposer.h"

namespace expunge {
namespace {

constexpr char kField[] = "metrics-listen";
constexpr char kThreads[] = "2";
constexpr char kRequestTimeoutMs[] = "5000";  // a silent client keeps a thread no longer from the others

}  // namespace

MetricsServer::MetricsServer(std::vector<std::shared_ptr<prometheus::Collectable>> metrics)
    : metrics_(std::move(metrics)) {}

MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& listen, Engine* engine,
                                                                    const InferenceStatistics* inference,
                                                                    const Clock* clock) {
  RETURN_IF_ERROR(ValidateMetricsAddress(listen));
  std::unique_ptr<MetricsServer> server(new MetricsServer(
      {std::make_shared<EngineMetrics>(engine, clock), std::make_shared<InferenceMetrics>(inference)}));
  try {
    server->exposer_ = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
        "listening_ports", listen, "num_threads", kThreads, "request_timeout_ms", kRequestTimeoutMs});
    for (const auto& metrics : server->metrics_) server->exposer_->RegisterCollectable(metrics);
    server->port_ = server->exposer_->GetListeningPorts().at(0);
  } catch (const std::exception&) {  // whose text says no more than that it failed
    return Error(absl::StatusCode::kFailedPrecondition, "METRICS_ADDRESS_UNAVAILABLE",
                 absl::StrCat("--metrics-listen: cannot listen on ", listen,
                              ": the port is in use, or the address is not on this machine"));
  }
  return server;
}

absl::Status ValidateMetricsAddress(std::string_view listen) {
  RETURN_IF_ERROR(ValidateListenAddress(kField, listen));
  if (!listen.starts_with('[')) return absl::OkStatus();
  return InvalidField(kField, "must have a loopback host of IPv4 (127.0.0.1 or localhost)");
}

}  // namespace expunge
