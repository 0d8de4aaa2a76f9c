#ifndef EXPUNGE_OPTIONS_H_
#define EXPUNGE_OPTIONS_H_

#include <optional>
#include <string>

#include "base/log.h"
#include "engine/engine.h"
#include "rpc/server.h"
#include "serving/batcher.h"

namespace expunge {

// The kernels that torch and its libraries compute with.
enum class Numerics {
  kNative,    // the fastest that they have for this processor
  kPortable,  // those for AVX2 everywhere: the same bits on every x86-64 machine with it
};

// What `expunged` was asked to do.
struct ServerOptions {
  Engine::Options engine;
  Server::Options server;
  Batcher::Options batcher;
  int io_threads = 1;
  int forget_threads = 1;
  double drain_seconds = 0;
  Numerics numerics = Numerics::kNative;
  std::string port_file;
  std::string metrics_listen;  // HOST:PORT; empty: no metrics
  std::string metrics_port_file;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

// From the command line, EXPUNGE_* variables and the file named by --config: the first that has an option decides. When
// the process has nothing more to do (--help, --version, an error, which is printed), nullopt with its exit status.
std::optional<ServerOptions> ParseOptions(int argc, char** argv, int* exit_status);

}  // namespace expunge

#endif  // EXPUNGE_OPTIONS_H_
