#include "rpc/server.h"

#include <grpc/support/log.h>

#include <chrono>
#include <mutex>

#include "absl/strings/str_cat.h"
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

// More than Predict admits, so that one too many is refused instead of waiting unheard.
constexpr int kMaxCallsPerConnection = 2048;
// What messages that are being read or written may hold; beyond it gRPC slows down and refuses.
constexpr size_t kMaxTransportBytes = size_t{1} << 30;

constexpr const char* kServiceNames[] = {v1::PredictionService::service_full_name(),
                                         v1::ErasureService::service_full_name(), v1::AuditService::service_full_name(),
                                         v1::ModelService::service_full_name(), v1::AdminService::service_full_name()};

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

Server::Server(const Parts& parts)
    : prediction_service_(&parts.engine->catalog(), parts.predict),
      erasure_service_({.unlearner = &parts.engine->unlearner(),
                        .ledger = &parts.engine->ledger(),
                        .auditor = &parts.engine->auditor(),
                        .catalog = &parts.engine->catalog(),
                        .executor = parts.io,
                        .forget_executor = parts.forget,
                        .drain = &drain_}),
      audit_service_({.auditor = &parts.engine->auditor(),
                      .catalog = &parts.engine->catalog(),
                      .clock = parts.clock,
                      .executor = parts.io,
                      .replay = {.store = &parts.engine->store(),
                                 .keyring = &parts.engine->keyring(),
                                 .trainer = &parts.engine->trainer(),
                                 .executor = parts.replay,
                                 .drain = &drain_}}),
      model_service_({.catalog = &parts.engine->catalog(),
                      .ingestor = &parts.engine->ingestor(),
                      .unlearner = &parts.engine->unlearner(),
                      .executor = parts.io,
                      .drain = &drain_}),
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
  PrepareGrpc();
  std::unique_ptr<Server> server(new Server(parts));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &server->port_);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // or a second server would share the port
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
  builder.SetResourceQuota(grpc::ResourceQuota("expunge").Resize(kMaxTransportBytes));
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.RegisterService(&server->prediction_service_);
  builder.RegisterService(&server->erasure_service_);
  builder.RegisterService(&server->audit_service_);
  builder.RegisterService(&server->model_service_);
  builder.RegisterService(&server->admin_service_);
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
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
}

}  // namespace expunge
