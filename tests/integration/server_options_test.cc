// How `expunged` takes its options, and what it says when they cannot be.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;

class ServerOptionsTest : public testing::Test {
 protected:
  Outcome Run(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) {
    arguments.insert(arguments.begin(), kServerProgram);
    return RunProgram({.arguments = arguments, .environment = environment});
  }

  TestFiles files_;
};

TEST_F(ServerOptionsTest, WhatCannotBeUnderstoodIsAUsageError) {
  const std::string data = files_.PathOf("data");
  const std::string unknown = files_.Write("unknown.conf", "wokers = 2\n");
  const std::string no_value = files_.Write("no-value.conf", "workers = many\n");
  const std::string no_file = files_.PathOf("no-file.conf");
  const struct {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
    std::string problem;
  } kCases[] = {
      {{}, {}, "--data-dir"},
      {{"--data-dir", data, "--frobnicate"}, {}, "--frobnicate"},
      {{"--data-dir", data, "extra"}, {}, "extra"},
      {{"--data-dir", data, "--workers", "0"}, {}, "--workers"},
      {{"--data-dir", data, "--workers", "many"}, {}, "--workers"},
      {{"--data-dir", data, "--max-message-bytes", "1"}, {}, "--max-message-bytes"},
      {{"--data-dir", data, "--retrain-delay", "-1"}, {}, "--retrain-delay"},
      {{"--data-dir", data, "--retrain-delay", "nan"}, {}, "--retrain-delay: must be a number from 0 to"},
      {{"--data-dir", data, "--reclaim-rate", "inf"}, {}, "--reclaim-rate: must be a number from 1 to"},
      {{"--data-dir", data, "--log-level", "loud"}, {}, "--log-level"},
      {{"--data-dir", data, "--numerics", "fast"}, {}, "--numerics"},
      {{"--data-dir", data, "--listen", "0.0.0.0:0"}, {}, "--listen must have a loopback host"},
      {{"--data-dir", data, "--listen", "[::]:0"}, {}, "--listen must have a loopback host"},
      {{"--data-dir", data, "--listen", "example.org:7400"}, {}, "--listen must have a loopback host"},
      {{"--data-dir", data, "--listen", "127.0.0.1"}, {}, "--listen must be HOST:PORT"},
      {{"--data-dir", data, "--listen", "127.0.0.1:65536"}, {}, "--listen must be HOST:PORT"},
      {{"--data-dir", data, "--metrics-listen", "0.0.0.0:0"}, {}, "--metrics-listen must have a loopback host"},
      {{"--data-dir", data, "--metrics-listen", "[::1]:0"}, {}, "--metrics-listen must have a loopback host of IPv4"},
      {{"--data-dir", data, "--metrics-listen", "9464"}, {}, "--metrics-listen must be HOST:PORT"},
      {{"--data-dir", data, "--metrics-port-file", data}, {}, "--metrics-listen"},
      {{"--data-dir", data}, {{"EXPUNGE_METRICS_LISTEN", "nonsense"}}, "--metrics-listen must be HOST:PORT"},
      {{"--data-dir", data}, {{"EXPUNGE_WORKERS", "many"}}, "--workers"},
      {{"--data-dir", data}, {{"EXPUNGE_LISTEN", "10.0.0.1:0"}}, "--listen must have a loopback host"},
      {{"--data-dir", data, "--config", unknown}, {}, "wokers"},
      {{"--data-dir", data, "--config", no_value}, {}, "--workers"},
      {{"--data-dir", data, "--config", no_file}, {}, no_file},
  };
  for (const auto& [arguments, environment, problem] : kCases) {
    SCOPED_TRACE(testing::PrintToString(arguments) + testing::PrintToString(environment));
    const Outcome outcome = Run(arguments, environment);
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(IsOneLineOf("expunged", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(problem));
  }
  EXPECT_FALSE(std::filesystem::exists(data));
}

TEST_F(ServerOptionsTest, APortFileThatCannotBeWrittenEndsTheServer) {
  const std::string blocked = files_.PathOf("blocked");
  std::filesystem::create_directory(blocked + ".new");  // where it is written first
  const std::string occupied = files_.PathOf("occupied");
  std::filesystem::create_directory(occupied);
  for (const std::string& path : {blocked, occupied, files_.PathOf("no directory/port")}) {
    SCOPED_TRACE(path);
    const Outcome outcome = Run(
        {"--data-dir", files_.PathOf("data"), "--listen", "127.0.0.1:0", "--log-level", "error", "--port-file", path});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(IsOneLineOf("expunged", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat("--port-file ", path, " cannot be written: ")));
    EXPECT_FALSE(std::filesystem::is_regular_file(path));
    EXPECT_FALSE(std::filesystem::is_regular_file(path + ".new"));
  }
}

TEST_F(ServerOptionsTest, APortInUseIsSaidToBe) {
  ServerProcess server(kServerProgram);
  ASSERT_THAT(server.Start(), IsOk());
  const Outcome outcome =
      Run({"--data-dir", files_.PathOf("data"), "--listen", server.address(), "--log-level", "error"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(IsOneLineOf("expunged", outcome.err));
  EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat("cannot listen on ", server.address(), ": the port is in use")));
}

TEST_F(ServerOptionsTest, AVariableCountsAsItsOption) {
  ServerProcess server(kServerProgram, {}, {{"EXPUNGE_LOG_FORMAT", "json"}, {"EXPUNGE_WORKERS", "3"}});
  ASSERT_THAT(server.Start(), IsOk());
  EXPECT_THAT(server.log(), HasSubstr("{\"time\""));
  EXPECT_THAT(server.log(), HasSubstr("3"));
}

TEST_F(ServerOptionsTest, AFileCountsUnlessAVariableOrTheCommandLineSayOtherwise) {
  const std::string file = files_.Write("expunged.conf", "workers = 5\nlog-format = \"json\"\nlog-level = \"debug\"\n");
  ServerProcess from_file(kServerProgram, {"--config", file});
  ASSERT_THAT(from_file.Start(), IsOk());
  EXPECT_THAT(from_file.log(), HasSubstr("\"workers\":\"5\""));

  ServerProcess from_variable(kServerProgram, {"--log-format", "text"},
                              {{"EXPUNGE_CONFIG", file}, {"EXPUNGE_WORKERS", "4"}});
  ASSERT_THAT(from_variable.Start(), IsOk());
  EXPECT_THAT(from_variable.log(), HasSubstr("workers=4"));

  ServerProcess from_command_line(kServerProgram, {"--workers", "3", "--log-format", "text"},
                                  {{"EXPUNGE_CONFIG", file}, {"EXPUNGE_WORKERS", "4"}});
  ASSERT_THAT(from_command_line.Start(), IsOk());
  EXPECT_THAT(from_command_line.log(), HasSubstr("workers=3"));
}

}  // namespace
}  // namespace expunge
