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
#include "gmock/gmock.h"
#include "tests/crash/oracle.h"
#include "tests/crash/settings.h"
#include "tests/crash/workload.h"
#include "tests/testing/server_process.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

// What the server does not do yet.
constexpr CrashPointName kNotPlaced[] = {
    "rekey_recorded", "rekey_rows_written", "purge_searched", "reclaim_compacted", "reclaim_searched", "reclaim_marked",
};

std::vector<std::string> Placed() {
  std::vector<std::string> placed;
  for (const std::string_view point : kCrashPoints) {
    if (std::none_of(std::begin(kNotPlaced), std::end(kNotPlaced), [&](auto other) { return other.str() == point; })) {
      placed.emplace_back(point);
    }
  }
  return placed;
}

class CrashPointTest : public testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() {
    std::cout << points_survived << " crash points survived, " << deaths << " deaths (" << deaths_at_start
              << " while it started). Not placed yet: "
              << absl::StrJoin(kNotPlaced, ", ", [](std::string* out, auto point) { out->append(point.str()); })
              << std::endl;
  }

  // Has the server die at the point, under the workload or before it serves.
  void DieAt(const std::string& place) {
    server_.program() = EXPUNGE_CRASHABLE_SERVER_PROGRAM;
    server_.environment() = {{"EXPUNGE_CRASH_AT", place}};
    workload_.Begin();
    const absl::Status started = server_.Start();
    if (started.ok()) workload_.Up(server_.client());
    ASSERT_EQ(server_.WaitForEnd(), 128 + SIGKILL) << "-1: the point was never hit\n" << started << server_.log();
    ASSERT_THAT(server_.log(), testing::HasSubstr(absl::StrCat("dies at ", place, "\n")));
    ++deaths;
    deaths_at_start += !started.ok();
  }

  void StartAgain() {
    server_.program() = EXPUNGE_SERVER_PROGRAM;
    server_.environment().clear();
    ASSERT_THAT(server_.Start(), IsOk());
    workload_.Up(server_.client());
    workload_.End();
  }

  static inline int points_survived = 0;
  static inline int deaths = 0;
  static inline int deaths_at_start = 0;

  ServerProcess server_{EXPUNGE_SERVER_PROGRAM, kCrashServerOptions};
  Workload workload_{CrashSeed()};
};

TEST_P(CrashPointTest, ADeathThereLosesNothing) {
  std::mt19937 random(CrashSeed());
  ASSERT_THAT(server_.Start(), IsOk());
  ASSERT_THAT(CreateCrashModels(*server_.client()), IsOk());
  // The second death often comes while the server recovers from the first.
  for (const unsigned passing : {1u, 2u, 3u + static_cast<unsigned>(random() % 8)}) {
    const std::string place = absl::StrCat(GetParam(), ":", passing);
    SCOPED_TRACE(place);
    EXPECT_EQ(server_.Terminate(), 0);
    DieAt(place);
    if (HasFatalFailure()) return;
    StartAgain();
    if (HasFatalFailure()) return;
    ExpectWhatWasAcknowledged(server_, workload_.ledgers());
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(server_.Terminate(), 0);
  if (!HasFailure()) ++points_survived;
}

INSTANTIATE_TEST_SUITE_P(Points, CrashPointTest, testing::ValuesIn(Placed()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace expunge
