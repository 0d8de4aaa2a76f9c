#include "options.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

std::optional<ServerOptions> Parse(std::vector<std::string> arguments, int* exit_status) {
  arguments.insert(arguments.begin(), "expunged");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return ParseOptions(static_cast<int>(argv.size()), argv.data(), exit_status);
}

ServerOptions MustParse(const std::vector<std::string>& arguments) {
  int exit_status = 0;
  std::optional<ServerOptions> options = Parse(arguments, &exit_status);
  EXPECT_TRUE(options) << exit_status;
  return options.value_or(ServerOptions{});
}

int ExitStatus(const std::vector<std::string>& arguments) {
  int exit_status = -1;
  EXPECT_FALSE(Parse(arguments, &exit_status));
  return exit_status;
}

// Sets a variable for the scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* const name_;
};

TEST(OptionsTest, TheCommandLineIsTaken) {
  const ServerOptions options = MustParse({"--data-dir",  "d",
                                           "--listen",    "127.0.0.1:0",
                                           "--workers=3", "--predict-threads",
                                           "4",           "--io-threads",
                                           "5",           "--forget-threads",
                                           "6",           "--master-key-file",
                                           "k",           "--max-message-bytes",
                                           "1000000",     "--max-watches",
                                           "12",          "--retrain-delay",
                                           "2.5",         "--drain-timeout",
                                           "7",           "--port-file",
                                           "p",           "--metrics-listen",
                                           "127.0.0.1:1", "--metrics-port-file",
                                           "mp",          "--log-level",
                                           "debug",       "--log-format",
                                           "json"});
  EXPECT_EQ(options.engine.data_dir, "d");
  EXPECT_EQ(options.server.listen, "127.0.0.1:0");
  EXPECT_EQ(options.engine.retrain.workers, 3);
  EXPECT_EQ(options.batcher.threads, 4);
  EXPECT_EQ(options.io_threads, 5);
  EXPECT_EQ(options.forget_threads, 6);
  EXPECT_EQ(options.engine.master_key_file, "k");
  EXPECT_EQ(options.server.max_message_bytes, 1'000'000);
  EXPECT_EQ(options.server.max_watches, 12);
  EXPECT_EQ(options.engine.retrain.retrain_delay, absl::Milliseconds(2500));
  EXPECT_EQ(options.drain_seconds, 7);
  EXPECT_EQ(options.port_file, "p");
  EXPECT_EQ(options.metrics_listen, "127.0.0.1:1");
  EXPECT_EQ(options.metrics_port_file, "mp");
  EXPECT_EQ(options.log_level, LogLevel::kDebug);
  EXPECT_EQ(options.log_format, LogFormat::kJson);
}

TEST(OptionsTest, NumericsAreNativeUnlessPortableIsAskedFor) {
  EXPECT_EQ(MustParse({"--data-dir", "d"}).numerics, Numerics::kNative);
  EXPECT_EQ(MustParse({"--data-dir", "d", "--numerics", "portable"}).numerics, Numerics::kPortable);
  EXPECT_EQ(ExitStatus({"--data-dir", "d", "--numerics", "fast"}), kExitUsage);
}

TEST(OptionsTest, WhatIsNotGivenHasADefault) {
  const ServerOptions options = MustParse({"--data-dir", "d"});
  EXPECT_EQ(options.server.listen, "127.0.0.1:7400");
  EXPECT_EQ(options.metrics_listen, "");
  EXPECT_GE(options.engine.retrain.workers, 1);
  EXPECT_EQ(options.server.max_message_bytes, size_t{16} << 20);
  EXPECT_EQ(options.engine.retrain.retrain_delay, absl::ZeroDuration());
}

TEST(OptionsTest, TheCommandLineWinsThenTheVariableThenTheFile) {
  const TempDir dir;
  std::ofstream(dir / "expunged.toml") << "data-dir = \"from-file\"\nworkers = 2\nio-threads = 2\n";
  const Variable config("EXPUNGE_CONFIG", dir / "expunged.toml");
  const Variable io_threads("EXPUNGE_IO_THREADS", "9");
  const Variable workers("EXPUNGE_WORKERS", "9");
  const ServerOptions options = MustParse({"--workers", "1"});
  EXPECT_EQ(options.engine.data_dir, "from-file");
  EXPECT_EQ(options.engine.retrain.workers, 1);
  EXPECT_EQ(options.io_threads, 9);
}

TEST(OptionsTest, HelpAndVersionEndWell) {
  EXPECT_EQ(ExitStatus({"--help"}), 0);
  EXPECT_EQ(ExitStatus({"--version"}), 0);
}

TEST(OptionsTest, ANumberThatIsNoneIsRefusedWithTheOptionAndItsBounds) {
  const std::pair<std::string, std::string> kBounds[] = {{"--retrain-delay", "from 0 to 2592000"},
                                                         {"--delete-persistence-threshold", "from 0 to 8760"},
                                                         {"--reclaim-rate", "from 1 to 1000000"},
                                                         {"--drain-timeout", "from 0 to 3600"}};
  for (const auto& [option, bounds] : kBounds) {
    for (const std::string value : {"nan", "-nan", "NAN", "inf", "-inf", "1e999", "-1", "many", ""}) {
      SCOPED_TRACE(option + " " + value);
      testing::internal::CaptureStderr();
      EXPECT_EQ(ExitStatus({"--data-dir", "d", option + "=" + value}), kExitUsage);
      const std::string error = testing::internal::GetCapturedStderr();
      EXPECT_NE(error.find(option), std::string::npos) << error;
      EXPECT_TRUE(value.empty() || error.find(bounds) != std::string::npos) << error;
    }
  }
}

TEST(OptionsTest, WhatIsWrongIsAUsageError) {
  const TempDir dir;
  std::ofstream(dir / "unknown.toml") << "data-dir = \"d\"\nwokers = 2\n";
  const std::vector<std::vector<std::string>> table = {
      {},
      {"--data-dir", "d", "--no-such-option"},
      {"--data-dir", "d", "extra"},
      {"--data-dir", "d", "--workers", "0"},
      {"--data-dir", "d", "--workers", "many"},
      {"--data-dir", "d", "--max-message-bytes", "1"},
      {"--data-dir", "d", "--max-watches", "0"},
      {"--data-dir", "d", "--retrain-delay", "-1"},
      {"--data-dir", "d", "--log-level", "loud"},
      {"--data-dir", "d", "--listen", "0.0.0.0:7400"},
      {"--config", dir / "missing.toml", "--data-dir", "d"},
      {"--config", dir / "unknown.toml"},
  };
  for (const std::vector<std::string>& arguments : table) {
    EXPECT_EQ(ExitStatus(arguments), kExitUsage) << testing::PrintToString(arguments);
  }
  const Variable workers("EXPUNGE_WORKERS", "many");
  EXPECT_EQ(ExitStatus({"--data-dir", "d"}), kExitUsage);
}

}  // namespace
}  // namespace expunge
