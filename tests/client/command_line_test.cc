#include "client/cli/command_line.h"

#include <vector>

#include "base/error.h"
#include "client/cli/options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/run_expunge.h"
#include "tests/client/test_files.h"

namespace expunge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A port on which nobody can listen without being root.
constexpr char kNowhere[] = "127.0.0.1:1";

void ExpectUsageError(const std::vector<const char*>& arguments, const std::string& message) {
  const Outcome outcome = RunExpunge(arguments);
  EXPECT_EQ(outcome.status, kExitUsage) << message;
  EXPECT_EQ(outcome.out, "") << message;
  EXPECT_THAT(outcome.err, AllOf(StartsWith("expunge: usage: "), HasSubstr(message)));
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
}

TEST(CommandLineTest, EveryCommandHelpsWithAnExample) {
  const std::vector<std::vector<const char*>> commands = {{},
                                                          {"model"},
                                                          {"model", "create"},
                                                          {"model", "list"},
                                                          {"model", "get"},
                                                          {"model", "delete"},
                                                          {"ingest"},
                                                          {"train"},
                                                          {"predict"},
                                                          {"evaluate"},
                                                          {"forget"},
                                                          {"erasure"},
                                                          {"erasure", "get"},
                                                          {"erasure", "list"},
                                                          {"erasure", "watch"},
                                                          {"certificate"},
                                                          {"verify"},
                                                          {"log"},
                                                          {"log", "key"},
                                                          {"log", "checkpoint"},
                                                          {"log", "entries"},
                                                          {"log", "consistency"},
                                                          {"log", "watch"},
                                                          {"audit"},
                                                          {"replay"},
                                                          {"admin"},
                                                          {"admin", "scan"},
                                                          {"bench"},
                                                          {"bench", "predict"}};
  for (std::vector<const char*> arguments : commands) {
    arguments.push_back("--help");
    const Outcome outcome = RunExpunge(arguments);
    EXPECT_EQ(outcome.status, kExitOk);
    EXPECT_THAT(outcome.out, HasSubstr("Example:\n  expunge "));
    EXPECT_EQ(outcome.err, "");
  }
}

TEST(CommandLineTest, TellsItsVersion) {
  const Outcome outcome = RunExpunge({"--version"});
  EXPECT_EQ(outcome.status, kExitOk);
  EXPECT_THAT(outcome.out, StartsWith("expunge "));
}

TEST(CommandLineTest, NamesWhatItDoesNotUnderstand) {
  ExpectUsageError({}, "A subcommand is required");
  ExpectUsageError({"modle", "list"}, "there is no command or option \"modle\" (expunge --help");
  ExpectUsageError({"model", "lst"}, "there is no command or option \"lst\" (expunge model --help");
  ExpectUsageError({"model", "get"}, "MODEL is required (expunge model get --help");
  ExpectUsageError({"forget", "x", "--bogus"}, "--bogus");
  ExpectUsageError({"forget"}, "SUBJECT is required");
}

TEST(CommandLineTest, ChecksTheValuesOfOptions) {
  ExpectUsageError({"--output", "xml", "model", "list"}, "--output: must be text or json");
  ExpectUsageError({"--timeout", "0", "model", "list"}, "--timeout: must be a duration above 0");
  ExpectUsageError({"--address", "localhost", "model", "list"}, "--address: must be HOST:PORT");
  ExpectUsageError({"forget", "x", "--regulation", "none"}, "--regulation: must be one of gdpr, ccpa, other");
  ExpectUsageError({"forget", "x", "--request-id", "1"}, "--request-id: must be a UUID");
  ExpectUsageError({"audit", "--state", "done"}, "--state: must be one of pending");
  ExpectUsageError({"predict", "m", "--images", "f", "--index", "-1"}, "--index: must be a whole number of at least 0");
  ExpectUsageError({"replay", "m", "--shard", "-1"}, "--shard");
  ExpectUsageError({"ingest", "m", "--format", "csv", "--images", "f", "--labels", "f", "--samples-per-subject", "1"},
                   "--format: must be idx");
  ExpectUsageError({"ingest", "m", "--format", "idx", "--images", "f", "--labels", "f", "--samples-per-subject", "0"},
                   "--samples-per-subject: must be a whole number of at least 1");
}

TEST(CommandLineTest, AServerThatIsNotThereIsAnErrorThatSaysSo) {
  for (const std::vector<const char*>& command : std::vector<std::vector<const char*>>{{"model", "list"},
                                                                                       {"forget", "person-000001"},
                                                                                       {"erasure", "watch", "x"},
                                                                                       {"train", "m", "--no-wait"},
                                                                                       {"audit"}}) {
    std::vector<const char*> arguments = command;
    arguments.insert(arguments.end(), {"--address", kNowhere});  // global options may come last
    const Outcome outcome = RunExpunge(arguments);
    EXPECT_EQ(outcome.status, kExitError);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(
        outcome.err,
        HasSubstr("UNAVAILABLE (SERVER_UNREACHABLE): no connection to 127.0.0.1:1; is expunged running there?"));
  }
}

TEST(CommandLineTest, AForgetOfUnknownOutcomeSaysHowToRepeatIt) {
  const Outcome outcome = RunExpunge(
      {"--address", kNowhere, "forget", "person-000001", "--request-id", "5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10"});
  EXPECT_THAT(outcome.err, HasSubstr("repeat with --request-id 5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10"));
  EXPECT_EQ(outcome.err.find("person-000001"), std::string::npos);
}

TEST(CommandLineTest, AModelFileIsCheckedBeforeTheServerIsAsked) {
  const TestFiles files;
  const auto create = [](const std::string& path) {
    return RunExpunge({"--address", kNowhere, "model", "create", path.c_str()});
  };
  EXPECT_THAT(create(files.PathOf("missing.json")).err, HasSubstr("NOT_FOUND (FILE_UNREADABLE)"));
  const Outcome unknown = create(files.Write("model.json", R"({"name": "models/x", "colour": "red"})"));
  EXPECT_EQ(unknown.status, kExitError);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("INVALID_ARGUMENT (INVALID_JSON)"), HasSubstr("model.json: not a model"),
                                 HasSubstr("colour")));
  EXPECT_THAT(create(files.Write("long.json", std::string(5 << 20, ' '))).err, HasSubstr("FILE_TOO_LONG"));
  EXPECT_THAT(create(files.Write("good.json", R"({"name": "x"})")).err, HasSubstr("SERVER_UNREACHABLE"));
}

TEST(CommandLineTest, ErrorsAreOneLine) {
  const absl::Status status =
      WithRetryAfter(Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server\nis ending"), absl::Seconds(2));
  EXPECT_EQ(ErrorLine(status), "expunge: UNAVAILABLE (SHUTTING_DOWN): the server is ending; may be retried in 2.0 s");
  EXPECT_EQ(ErrorLine(absl::InternalError("broken")), "expunge: INTERNAL: broken");
}

TEST(OptionsTest, WordsAreTakenInAnyCase) {
  EXPECT_EQ(ParseRegulation("gdpr"), v1::GDPR);
  EXPECT_EQ(ParseRegulation("Ccpa"), v1::CCPA);
  EXPECT_EQ(ParseRegulation("regulation_unspecified"), std::nullopt);
  EXPECT_EQ(ParseErasureState("in-progress"), v1::Erasure::IN_PROGRESS);
  EXPECT_EQ(ParseErasureState("COMPLETED"), v1::Erasure::COMPLETED);
  EXPECT_EQ(ParseErasureState("state_unspecified"), std::nullopt);
  EXPECT_EQ(ParseErasureState(""), std::nullopt);
}

TEST(OptionsTest, TimeoutsHaveUnitsOrAreSeconds) {
  EXPECT_EQ(ParseTimeout("90"), absl::Seconds(90));
  EXPECT_EQ(ParseTimeout("0.5"), absl::Milliseconds(500));
  EXPECT_EQ(ParseTimeout("1m30s"), absl::Seconds(90));
  EXPECT_EQ(ParseTimeout("inf"), absl::InfiniteDuration());
  for (const char* bad : {"", "0", "-1", "x", "nan", "1 fortnight"}) EXPECT_EQ(ParseTimeout(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace expunge::cli
