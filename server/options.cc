#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/listen_address.h"
#include "metrics/metrics_server.h"
#include "proof/signed_note.h"

namespace expunge {
namespace {

constexpr int kMaxThreads = 1024;
constexpr double kMaxDelaySeconds = 30 * 24 * 3600;
constexpr double kMaxDrainSeconds = 3600;
constexpr double kMaxThresholdHours = 24 * 365;
constexpr size_t kMaxBatch = 4096;
constexpr int64_t kMaxQueueDelayMicroseconds = 10'000'000;
constexpr size_t kMaxQueue = 1'000'000;

int Cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

// --some-option has the variable EXPUNGE_SOME_OPTION.
CLI::Option* WithVariable(CLI::Option* option) {
  std::string name = "EXPUNGE_" + option->get_lnames().front();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : std::toupper(c); });
  return option->envname(name);
}

// CLI::Range lets NaN pass.
CLI::Validator NumberFrom(double min, double max) {
  return CLI::Validator(
      [min, max](const std::string& text) -> std::string {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && value >= min && value <= max) return "";
        std::ostringstream problem;
        problem.precision(15);
        problem << "must be a number from " << min << " to " << max << ", is " << text;
        return problem.str();
      },
      "");
}

// Values as the command line has them, before they become Options.
struct Values {
  ServerOptions options;
  double retrain_delay_seconds = 0;
  int64_t max_queue_delay_microseconds = 0;
  double reclaim_threshold_hours = 24;
  double reclaim_mib_per_second = 32;
  std::string log_level = "info";
  std::string log_format = "text";
  std::string numerics = "native";
};

void DeclareLog(CLI::App& app, Engine::Options& options) {
  WithVariable(app.add_option("--log-key-file", options.log.key_file,
                              "The Ed25519 key that signs certificates and the log, PKCS #8 in PEM, mode 0600; made at "
                              "the first start. Default: DATA_DIR/log.key"));
  WithVariable(
      app.add_option("--log-checkpoint-file", options.log.checkpoint_file,
                     "Where the newest signed checkpoint of the log is kept, best on another device: a log that "
                     "lacks what it says is refused. Default: DATA_DIR/log.checkpoint"));
  WithVariable(app.add_option("--log-origin", options.log_origin,
                              "The log's name, given at the first start and for good, e.g. example.com/expunge. "
                              "Default: one made at random"))
      ->check([](const std::string& name) { return std::string(ValidateKeyName(name).message()); }, "NAME");
  // Neither a variable nor a line of a file: it is for one start.
  app.add_flag("--accept-log-rollback", options.log.accept_rollback,
               "Start on a log that lacks entries which were signed; this becomes an entry of the log")
      ->configurable(false);
}

void DeclareBatcher(CLI::App& app, Values& values) {
  Batcher::Options& options = values.options.batcher;
  WithVariable(app.add_option("--predict-threads", options.threads, "Threads that compute answers"))
      ->check(CLI::Range(1, kMaxThreads));
  WithVariable(app.add_option("--max-batch-size", options.max_batch_size,
                              "Inputs of waiting Predicts that are computed together at most"))
      ->check(CLI::Range(size_t{1}, kMaxBatch));
  WithVariable(app.add_option("--max-queue-delay-microseconds", values.max_queue_delay_microseconds,
                              "How long a Predict may wait for its batch to fill up while another batch is computed; "
                              "none waits while none is"))
      ->check(CLI::Range(int64_t{0}, kMaxQueueDelayMicroseconds));
  WithVariable(app.add_option("--max-queue-size", options.max_queue_size,
                              "Predicts that may wait; one more is refused with RESOURCE_EXHAUSTED"))
      ->check(CLI::Range(size_t{1}, kMaxQueue));
}

void Declare(CLI::App& app, Values& values) {
  ServerOptions& options = values.options;
  options.engine.retrain.workers = Cores();
  options.batcher.threads = Cores();
  options.io_threads = 4;
  options.forget_threads = 2;  // one prepares the next write while another waits for the disk
  options.drain_seconds = 30;
  app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);

  WithVariable(app.add_option("--data-dir", options.engine.data_dir,
                              "Directory of everything that is kept; made when missing. One server at a time"))
      ->required();
  WithVariable(
      app.add_option("--listen", options.server.listen,
                     "HOST:PORT to serve on; a loopback host, because there is no TLS yet. Port 0: a free one"));
  WithVariable(app.add_option("--workers", options.engine.retrain.workers,
                              "Threads that train; they yield the processor to everything else"))
      ->check(CLI::Range(1, kMaxThreads));
  WithVariable(app.add_option("--numerics", values.numerics,
                              "Kernels to compute with: native, the fastest for this processor; portable, those for "
                              "AVX2, which give the same bits on every x86-64 machine with AVX2 and FMA, so that a "
                              "data directory can move and a replay can run elsewhere. A change retrains every model"))
      ->check(CLI::IsMember({"native", "portable"}));
  DeclareBatcher(app, values);
  WithVariable(app.add_option("--io-threads", options.io_threads, "Threads that wait for the disk"))
      ->check(CLI::Range(1, kMaxThreads));
  WithVariable(app.add_option("--forget-threads", options.forget_threads,
                              "Threads that carry out Forgets, each as many at a time as wait"))
      ->check(CLI::Range(1, kMaxThreads));
  WithVariable(
      app.add_option("--master-key-file", options.engine.master_key_file,
                     "The key that wraps all keys, mode 0600; made at the first start. Default: DATA_DIR/master.key"));
  DeclareLog(app, options.engine);
  WithVariable(app.add_option("--max-message-bytes", options.server.max_message_bytes, "Largest request"))
      ->check(CLI::Range(kMinMessageBytes, kMaxMessageBytes));
  WithVariable(app.add_option("--max-watches", options.server.max_watches,
                              "Streams of WatchErasure and WatchModel at a time; more are refused"))
      ->check(CLI::Range(1, kMaxWatches));
  WithVariable(
      app.add_option("--retrain-delay", values.retrain_delay_seconds,
                     "Seconds that the retrain after an erasure waits, so that erasures that come together share one. "
                     "Isolation never waits"))
      ->check(NumberFrom(0, kMaxDelaySeconds));
  WithVariable(app.add_option("--retrain-attempts", options.engine.retrain.max_attempts,
                              "Attempts to train a shard, with growing pauses, before its erasures are FAILED"))
      ->check(CLI::Range(1, 1'000'000));
  WithVariable(
      app.add_option("--delete-persistence-threshold", values.reclaim_threshold_hours,
                     "Hours from Forget until the ciphertext, too, is gone from every file. Keys are destroyed "
                     "at once"))
      ->check(NumberFrom(0, kMaxThresholdHours));
  WithVariable(app.add_option("--reclaim-rate", values.reclaim_mib_per_second,
                              "MiB a second that rewriting files for this may write at most"))
      ->check(NumberFrom(1, 1e6));
  WithVariable(app.add_option("--drain-timeout", options.drain_seconds,
                              "Seconds that running calls have to finish after SIGTERM"))
      ->check(NumberFrom(0, kMaxDrainSeconds));
  WithVariable(app.add_option("--port-file", options.port_file, "File to write the port to, once it is served"));
  auto* const metrics_listen = WithVariable(app.add_option(
      "--metrics-listen", options.metrics_listen,
      "HOST:PORT to serve metrics on, in Prometheus' format at /metrics; a loopback host of IPv4. Port 0: a free "
      "one. Default: none are served"));
  WithVariable(app.add_option("--metrics-port-file", options.metrics_port_file,
                              "File to write the port of the metrics to, before --port-file"))
      ->needs(metrics_listen);
  WithVariable(app.add_option("--log-level", values.log_level, "Lowest level that is logged"))
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  WithVariable(app.add_option("--log-format", values.log_format, "How lines look on stderr"))
      ->check(CLI::IsMember({"text", "json"}));
  app.set_config("--config", "", "TOML or INI file with any of these options, e.g. workers = 2")
      ->envname("EXPUNGE_CONFIG");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_version_flag("--version", "expunged " EXPUNGE_VERSION);
  app.footer(
      "The command line wins over the variables, and these over the file.\n\n"
      "Example:\n  expunged --data-dir /var/lib/expunge --listen 127.0.0.1:7400 --workers 2");
}

// The command line, preceded by the variables as if they stood there: so it wins over them, and both over the file. In
// reverse, as CLI11 wants it.
std::vector<std::string> Arguments(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> arguments;
  for (const CLI::Option* option : app.get_options()) {
    const char* const value = option->get_envname().empty() ? nullptr : std::getenv(option->get_envname().c_str());
    if (value != nullptr && *value != '\0') arguments.push_back("--" + option->get_lnames().front() + "=" + value);
  }
  arguments.insert(arguments.end(), argv + std::min(argc, 1), argv + argc);
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

ServerOptions Finish(const Values& values) {
  const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::kDebug},
                                                  {"info", LogLevel::kInfo},
                                                  {"warning", LogLevel::kWarning},
                                                  {"error", LogLevel::kError}};
  ServerOptions options = values.options;
  options.engine.retrain.retrain_delay = absl::Seconds(values.retrain_delay_seconds);
  options.engine.reclaim.delete_persistence_threshold = absl::Hours(values.reclaim_threshold_hours);
  options.engine.reclaim.bytes_per_second = static_cast<uint64_t>(values.reclaim_mib_per_second * (1 << 20));
  options.batcher.max_queue_delay = absl::Microseconds(values.max_queue_delay_microseconds);
  options.engine.recovery_threads = options.engine.retrain.workers;
  options.numerics = values.numerics == "portable" ? Numerics::kPortable : Numerics::kNative;
  options.log_level = levels.at(values.log_level);
  options.log_format = values.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return options;
}

}  // namespace

std::optional<ServerOptions> ParseOptions(int argc, char** argv, int* exit_status) {
  CLI::App app{"expunged: trains and serves models that can forget a person, exactly and provably.", "expunged"};
  Values values;
  Declare(app, values);
  try {
    app.parse(Arguments(app, argc, argv));
  } catch (const CLI::Success& success) {
    *exit_status = app.exit(success);
    return std::nullopt;
  } catch (const CLI::ConfigError& error) {
    std::cerr << "expunged: the file of --config has an unknown option: " << error.what() << "\n";
    *exit_status = kExitUsage;
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    std::cerr << "expunged: " << error.what() << " (see expunged --help)\n";
    *exit_status = kExitUsage;
    return std::nullopt;
  }
  absl::Status addresses = ValidateListenAddress("listen", values.options.server.listen);
  if (const std::string& metrics = values.options.metrics_listen; !metrics.empty()) {
    addresses.Update(ValidateMetricsAddress(metrics));
  }
  if (!addresses.ok()) {
    std::cerr << "expunged: --" << addresses.message() << "\n";
    *exit_status = kExitUsage;
    return std::nullopt;
  }
  return Finish(values);
}

}  // namespace expunge
