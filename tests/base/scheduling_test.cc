#include "base/scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(SchedulingTest, LowersTheCallingThreadAlone) {
  const int own = getpriority(PRIO_PROCESS, 0);
  int lowered = 0;
  int policy = 0;
  std::thread([&] {
    LowerThisThreadsPriority();
    lowered = getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
    policy = sched_getscheduler(0);
  }).join();
  EXPECT_GE(lowered, 10);
  EXPECT_EQ(policy, SCHED_BATCH);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
}

TEST(SchedulingTest, OneThatComputesWhenNobodyElseDoesIsIdleAndTheOthersAreNot) {
  int policy = 0;
  std::thread([&] {
    ComputeWhenNobodyElseDoes();
    policy = sched_getscheduler(0);
  }).join();
  EXPECT_EQ(policy, SCHED_IDLE);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

// How often the calling thread has given its processor away of its own accord while it computed for a while.
int64_t PausesIn(std::chrono::milliseconds stretch) {
  rusage before = {}, after = {};
  getrusage(RUSAGE_THREAD, &before);
  const auto end = std::chrono::steady_clock::now() + stretch;
  while (std::chrono::steady_clock::now() < end) PauseInBackground();
  getrusage(RUSAGE_THREAD, &after);
  return after.ru_nvcsw - before.ru_nvcsw;
}

TEST(SchedulingTest, AThreadInTheBackgroundPausesNowAndThenAndNoOther) {
  constexpr std::chrono::milliseconds kStretch{100};
  int64_t lowered = 0, idle = 0;
  std::thread([&] {
    LowerThisThreadsPriority();
    lowered = PausesIn(kStretch);
  }).join();
  std::thread([&] {
    ComputeWhenNobodyElseDoes();
    idle = PausesIn(kStretch);
  }).join();
  EXPECT_GE(lowered, 2);
  EXPECT_GE(idle, 2);
  EXPECT_LE(lowered, 110) << "a pause for every millisecond at most, and the odd wait";
  EXPECT_EQ(PausesIn(kStretch), 0);
}

}  // namespace
}  // namespace expunge
