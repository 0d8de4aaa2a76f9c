// The server ends at each named point between two steps, and what it had acknowledged holds.

#include "base/crash_point.h"

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "tests/crash/oracle.h"
#include "tests/crash/settings.h"
#include "tests/crash/workload.h"
#include "tests/testing/server_process.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

std::vector<std::string> AllPoints() { return {kCrashPoints.begin(), kCrashPoints.end()}; }

class CrashPointTest : public testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() {
    std::cout << points_survived << " crash points survived, " << deaths << " deaths (" << deaths_at_start
              << " while it started)" << std::endl;
  }

  // Has the server die when it passes the point for this time after its start: under the workload, or before it serves.
  void DieAtPassing(int passing) {
    const std::string place = absl::StrCat(GetParam(), ":", passing);
    server_.program() = EXPUNGE_CRASHABLE_SERVER_PROGRAM;
    server_.environment() = {{"EXPUNGE_CRASH_AT", place}};
    const absl::Status started = server_.Start();
    if (started.ok()) workload_.Up(server_.client());
    ASSERT_EQ(server_.WaitForEnd(), 128 + SIGKILL) << "-1: the point was never hit\n" << started << server_.log();
    last_words_ += absl::StrCat("dies at ", place, "\n");
    ASSERT_EQ(AllLastWords(), last_words_) << "something else has killed it";
    ++deaths;
    deaths_at_start += !started.ok();
  }

  void StartForGood() {
    server_.program() = EXPUNGE_SERVER_PROGRAM;
    server_.environment().clear();
    ASSERT_THAT(server_.Start(), IsOk());
    workload_.Up(server_.client());
    workload_.End();
  }

  std::string AllLastWords() const {
    std::string words;
    for (const absl::string_view line : absl::StrSplit(server_.log(), '\n')) {
      if (absl::StartsWith(line, "dies at ")) absl::StrAppend(&words, line, "\n");
    }
    return words;
  }

  static inline int points_survived = 0;
  static inline int deaths = 0;
  static inline int deaths_at_start = 0;

  ServerProcess server_{EXPUNGE_SERVER_PROGRAM, kCrashServerOptions};
  Workload workload_{CrashSeed()};
  std::string last_words_;
};

TEST_P(CrashPointTest, ADeathThereLosesNothing) {
  std::mt19937 random(CrashSeed());
  ASSERT_THAT(server_.Start(), IsOk());
  ASSERT_THAT(CreateCrashModels(*server_.client()), IsOk());
  // The same death twice: many a point is passed again in the recovery from the first.
  const std::vector<std::vector<int>> runs = {{1, 1}, {2}, {3 + static_cast<int>(random() % 8)}};
  for (const std::vector<int>& run : runs) {
    SCOPED_TRACE(absl::StrCat("passings: ", absl::StrJoin(run, ", ")));
    EXPECT_EQ(server_.Terminate(), 0);
    workload_.Begin();
    for (const int passing : run) {
      DieAtPassing(passing);
      if (HasFatalFailure()) return;
    }
    StartForGood();
    if (HasFatalFailure()) return;
    ExpectWhatWasAcknowledged(server_, workload_.ledgers());
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(server_.Terminate(), 0);
  if (!HasFailure()) ++points_survived;
}

INSTANTIATE_TEST_SUITE_P(Points, CrashPointTest, testing::ValuesIn(AllPoints()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace expunge
