#include "base/crash_point.h"

#include <set>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "gmock/gmock.h"

namespace expunge {
namespace {

using testing::ElementsAre;

std::vector<std::string> passed;

TEST(CrashPointTest, TheHookIsToldEachPointAsItIsPassed) {
  CrashPoint("commit_written");  // nobody listens: nothing happens
  crash_hook = [](std::string_view point) { passed.emplace_back(point); };
  const auto remove_hook = absl::MakeCleanup([] { crash_hook = nullptr; });
  CrashPoint("forget_begun");
  CrashPoint("train_recorded");
  CrashPoint("forget_begun");
  EXPECT_THAT(passed, ElementsAre("forget_begun", "train_recorded", "forget_begun"));
}

TEST(CrashPointTest, NoNameStandsTwiceInTheList) {
  EXPECT_EQ(std::set<std::string_view>(kCrashPoints.begin(), kCrashPoints.end()).size(), kCrashPoints.size());
}

}  // namespace
}  // namespace expunge
