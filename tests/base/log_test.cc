#include "base/log.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

using ::testing::EndsWith;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { ConfigureLog(LogLevel::kInfo, LogFormat::kText); }

  static std::string Logged(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {}) {
    ::testing::internal::CaptureStderr();
    Log(level, event, fields);
    return ::testing::internal::GetCapturedStderr();
  }
};

constexpr char kTime[] = "[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+.[0-9]+Z";

TEST_F(LogTest, WritesTimeLevelEventAndFieldsAsText) {
  EXPECT_THAT(Logged(LogLevel::kInfo, "slice_trained", {{"shard", 3}, {"slice", 0}}),
              MatchesRegex(std::string(kTime) + " info slice_trained shard=3 slice=0\n"));
}

TEST_F(LogTest, WritesOneJsonObjectALine) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kJson);
  EXPECT_THAT(Logged(LogLevel::kError, "retrain_failed", {{"shard", 3}, {"error", "a \"b\"\n\\"}}),
              MatchesRegex(
                  "\\{\"time\":\"" + std::string(kTime) +
                  R"(","level":"error","event":"retrain_failed","shard":"3","error":"a \\"b\\"\\u000a\\\\"\})" + "\n"));
}

TEST_F(LogTest, QuotesTextThatWouldBeAmbiguous) {
  EXPECT_THAT(Logged(LogLevel::kWarning, "event", {{"a", "two words"}, {"b", ""}, {"c", "x\ny"}, {"d", "k=v"}}),
              EndsWith(R"(event a="two words" b="" c="x\u000ay" d="k=v")"
                       "\n"));
}

TEST_F(LogTest, DropsWhatIsBelowTheLowestLevel) {
  ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  EXPECT_EQ(Logged(LogLevel::kInfo, "event"), "");
  EXPECT_NE(Logged(LogLevel::kWarning, "event"), "");
}

TEST_F(LogTest, BracesAndPercentSignsAreNotFormats) {
  EXPECT_THAT(Logged(LogLevel::kInfo, "event", {{"a", "{}%v%d"}}), EndsWith("event a={}%v%d\n"));
}

}  // namespace
}  // namespace expunge
