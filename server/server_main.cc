#include "server_main.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "engine/engine.h"
#include "learning/numerics.h"
#include "learning/portable_numerics.h"
#include "learning/torch_trainer.h"
#include "metrics/metrics_server.h"
#include "options.h"
#include "rpc/server.h"
#include "serving/batcher.h"

namespace expunge {
namespace {

// Blocks the signals that end the server, in this thread and all that it starts, so that Wait can take them.
class EndSignals {
 public:
  EndSignals() {
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  // Returns at the first signal. A second one ends the process at once, which loses nothing that was acknowledged.
  void Wait() {
    int signal = 0;
    sigwait(&set_, &signal);
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }

 private:
  sigset_t set_;
};

// Whole or not at all: whoever waits for the file may read it as soon as it is there.
absl::Status WritePortFile(std::string_view option, const std::string& path, int port) {
  if (path.empty()) return absl::OkStatus();
  const std::string temporary = path + ".new";
  std::error_code error;
  errno = 0;
  std::ofstream file(temporary);
  file << port << "\n";
  file.close();
  if (file.fail()) error = std::error_code(errno != 0 ? errno : EIO, std::generic_category());
  if (!error) std::filesystem::rename(temporary, path, error);
  if (!error) return absl::OkStatus();
  unlink(temporary.c_str());
  return Error(absl::StatusCode::kFailedPrecondition, "PORT_FILE_NOT_WRITABLE",
               absl::StrCat(ToAbsl(option), " ", path, " cannot be written: ", error.message()));
}

absl::Status Run(const ServerOptions& options, char** argv) {
  if (options.numerics == Numerics::kPortable) RETURN_IF_ERROR(PinKernels(argv));
  EndSignals end_signals;
  Log(LogLevel::kInfo, "starting", {{"version", EXPUNGE_VERSION}, {"workers", options.engine.retrain.workers}});
  if (options.numerics == Numerics::kPortable) RETURN_IF_ERROR(CheckPinnedKernels());
  RETURN_IF_ERROR(CheckBlas());
  if (const std::string warning = BlasWarning(); !warning.empty())
    Log(LogLevel::kWarning, "slow_blas", {{"problem", warning}});
  Log(LogLevel::kInfo, "computing", {{"numeric_environment", DescribeNumericEnvironment()}});

  // In the order of dependency: destruction is the shutdown.
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options.engine, trainer.get(), &SystemClock()));
  RETURN_IF_ERROR(engine->Recover());
  Batcher batcher(options.batcher);
  std::unique_ptr<MetricsServer> metrics;
  if (!options.metrics_listen.empty()) {
    ASSIGN_OR_RETURN(metrics,
                     MetricsServer::Start(options.metrics_listen, engine.get(), &batcher.statistics(), &SystemClock()));
    RETURN_IF_ERROR(WritePortFile("--metrics-port-file", options.metrics_port_file, metrics->port()));
    Log(LogLevel::kInfo, "serving_metrics", {{"port", metrics->port()}});
  }
  ThreadPool io("io", options.io_threads);
  ThreadPool forget("forget", options.forget_threads);
  ThreadPool replay("replay", 1);
  ThreadPool admin("admin", 1);
  ASSIGN_OR_RETURN(const std::unique_ptr<Server> server, Server::Start(options.server, {.engine = engine.get(),
                                                                                        .clock = &SystemClock(),
                                                                                        .io = &io,
                                                                                        .forget = &forget,
                                                                                        .batcher = &batcher,
                                                                                        .replay = &replay,
                                                                                        .admin = &admin}));
  RETURN_IF_ERROR(WritePortFile("--port-file", options.port_file, server->port()));
  Log(LogLevel::kInfo, "serving", {{"port", server->port()}});

  end_signals.Wait();
  Log(LogLevel::kInfo, "draining");
  engine->StopBackgroundWork();  // running calls may take long, and need the processor
  server->Drain(absl::Seconds(options.drain_seconds));
  return absl::OkStatus();
}

void ConfigureMalloc() {
  // Workers take and free a shard's samples again and again. glibc learns from that to serve blocks of such a size from
  // its arenas, where they leave holes that the next one does not fit; a fixed threshold gives them back to the system.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  // An arena for every thread: a lock that one which trains holds (ComputeWhenNobodyElseDoes) is nobody else's.
  mallopt(M_ARENA_MAX, 1024);
}

}  // namespace

int ServerMain(int argc, char** argv) {
  umask(077);  // what is kept is nobody else's
  // Debian builds Abseil with assertions: every lock, of gRPC too, would be looked up in a graph of all locks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  ConfigureMalloc();
  int exit_status = 0;
  const std::optional<ServerOptions> options = ParseOptions(argc, argv, &exit_status);
  if (!options) return exit_status;
  ConfigureLog(options->log_level, options->log_format);
  if (const absl::Status status = Run(*options, argv); !status.ok()) {
    const std::string reason = ReasonOf(status);
    std::cerr << "expunged: " << status.message() << (reason.empty() ? "" : " (" + reason + ")") << "\n";
    return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailure;
  }
  Log(LogLevel::kInfo, "stopped");
  return 0;
}

}  // namespace expunge
