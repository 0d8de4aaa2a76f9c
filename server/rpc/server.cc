#include "rpc/server.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/listen_address.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace expunge {
namespace {

// Beside the Predicts that may wait, so that one too many is refused instead of waiting unheard.
constexpr size_t kOtherCallsPerConnection = 1024;
// What messages that are being read or written may hold; beyond it gRPC slows down and refuses.
constexpr size_t kMaxTransportBytes = size_t{1} << 30;

// For replies on their way, and for clients that hang up by themselves when they are told.
constexpr absl::Duration kHangUpTime = absl::Seconds(1);

constexpr const char* kServiceNames[] = {
    v1::PredictionService::service_full_name(), v1::ErasureService::service_full_name(),
    v1::AuditService::service_full_name(),      v1::ModelService::service_full_name(),
    v1::AdminService::service_full_name(),      inference::GRPCInferenceService::service_full_name()};

// gRPC's own messages name peers' addresses, so they are for debugging only.
void LogFromGrpc(gpr_log_func_args* args) {
  Log(LogLevel::kDebug, "grpc", {{"file", args->file}, {"line", args->line}, {"message", args->message}});
}

// Settings of gRPC that are the process's.
void PrepareGrpc() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(LogFromGrpc);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

}  // namespace

Server::Server(const Options& options, const Parts& parts)
    : watches_(options.max_watches),
      predictor_(parts.batcher, &parts.engine->ledger()),
      prediction_service_(&parts.engine->catalog(), &predictor_),
      inference_service_({.catalog = &parts.engine->catalog(), .predictor = &predictor_, .drain = &drain_}),
      erasure_service_({.unlearner = &parts.engine->unlearner(),
                        .ledger = &parts.engine->ledger(),
                        .auditor = &parts.engine->auditor(),
                        .catalog = &parts.engine->catalog(),
                        .executor = parts.io,
                        .forget_executor = parts.forget,
                        .drain = &drain_,
                        .watches = &watches_}),
      audit_service_({.auditor = &parts.engine->auditor(),
                      .certificates = &parts.engine->certificates(),
                      .log = &parts.engine->keyring().log(),
                      .log_signer = &parts.engine->log_signer(),
                      .catalog = &parts.engine->catalog(),
                      .clock = parts.clock,
                      .executor = parts.io,
                      .replay = {.store = &parts.engine->store(),
                                 .keyring = &parts.engine->keyring(),
                                 .trainer = &parts.engine->trainer(),
                                 .clock = parts.clock,
                                 .executor = parts.replay,
                                 .drain = &drain_}}),
      model_service_({.catalog = &parts.engine->catalog(),
                      .ingestor = &parts.engine->ingestor(),
                      .unlearner = &parts.engine->unlearner(),
                      .executor = parts.io,
                      .drain = &drain_,
                      .watches = &watches_}),
      admin_service_({.store = &parts.engine->store(),
                      .reclaimer = &parts.engine->reclaimer(),
                      .data_dir = parts.engine->data_dir(),
                      .executor = parts.admin}) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options, const Parts& parts) {
  RETURN_IF_ERROR(ValidateListenAddress("listen", options.listen));
  if (options.max_message_bytes < kMinMessageBytes || options.max_message_bytes > kMaxMessageBytes) {
    return InvalidField("max_message_bytes", absl::StrCat("must be from ", kMinMessageBytes, " to ", kMaxMessageBytes,
                                                          ", is ", options.max_message_bytes));
  }
  if (options.max_watches < 1 || options.max_watches > kMaxWatches) {
    return InvalidField("max_watches", absl::StrCat("must be from 1 to ", kMaxWatches, ", is ", options.max_watches));
  }
  PrepareGrpc();
  std::unique_ptr<Server> server(new Server(options, parts));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &server->port_);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // or a second server would share the port
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(parts.batcher->max_queue_size() + kOtherCallsPerConnection));
  builder.SetResourceQuota(grpc::ResourceQuota("expunge").Resize(kMaxTransportBytes));
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.RegisterService(&server->prediction_service_);
  builder.RegisterService(&server->inference_service_);
  builder.RegisterService(&server->erasure_service_);
  builder.RegisterService(&server->audit_service_);
  builder.RegisterService(&server->model_service_);
  builder.RegisterService(&server->admin_service_);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(server->calls_.Counter());
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || server->port_ == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "LISTEN_ADDRESS_UNAVAILABLE",
                 absl::StrCat("cannot listen on ", options.listen,
                              ": the port is in use, or the address is not on this machine"));
  }
  for (const char* name : kServiceNames) server->server_->GetHealthCheckService()->SetServingStatus(name, true);
  return server;
}

Server::~Server() { Drain(absl::ZeroDuration()); }

void Server::Drain(absl::Duration grace) {
  if (server_ == nullptr || drain_.begun()) return;
  server_->GetHealthCheckService()->Shutdown();
  drain_.Begin();
  const absl::Time deadline = absl::Now() + grace;
  absl::Notification ended;
  // gRPC waits for connections as well, and an idle client may never look at what asks it to hang up.
  std::thread hang_up([&] {
    calls_.WaitUntilNone(deadline);
    if (ended.WaitForNotificationWithTimeout(kHangUpTime)) return;
    // Whoever called between the beginning of the drain and gRPC's shutdown may finish, too.
    calls_.WaitUntilNone(deadline);
    grpc_server_cancel_all_calls(server_->c_server());
  });
  server_->Shutdown(absl::ToChronoTime(deadline));
  ended.Notify();
  hang_up.join();
}

}  // namespace expunge
