// The real server, killed again and again at random instants under a random workload.
//
// EXPUNGE_CRASH_KILLS (200) and EXPUNGE_CRASH_SEED choose longer and other runs. The seed decides what the clients ask
// for; when a kill hits is up to the machine, so a run is repeated in kind, not to the instruction.

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/crash/oracle.h"
#include "tests/crash/settings.h"
#include "tests/crash/workload.h"
#include "tests/testing/server_process.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

// What one data directory has to go through before its state is examined.
constexpr int kKillsEach = 100;

struct Totals {
  std::atomic<int> kills = 0, kills_at_start = 0, terminations = 0;
  std::atomic<int64_t> erasures = 0, answers = 0;
};

// One data directory, its server and the clients.
class Life {
 public:
  Life(uint32_t seed, Totals* totals) : random_(seed), workload_(seed), totals_(totals) {}

  void Live(int kills) {
    ASSERT_THAT(server_.Start(), IsOk());
    ASSERT_THAT(CreateCrashModels(*server_.client()), IsOk());
    workload_.Begin();
    workload_.Up(server_.client());
    for (int end = 0; kills_ < kills; ++end) {
      if (testing::Test::HasFatalFailure()) return;
      EndAtAnyInstant(/*orderly=*/end % 6 == 5);
      if (end % 4 == 3 && kills_ < kills) KillWhileItStarts();
      Start();
    }
    workload_.End();
    ExpectWhatWasAcknowledged(server_, workload_.ledgers());
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(server_.Terminate(), 0);
    totals_->erasures += workload_.erasures();
    totals_->answers += workload_.answers();
    std::cout << absl::StrCat(totals_->kills.load(), " kills so far\n") << std::flush;
  }

 private:
  absl::Duration AtMost(absl::Duration longest) {
    return longest * std::uniform_real_distribution<double>(0, 1)(random_);
  }

  void EndAtAnyInstant(bool orderly) {
    workload_.WaitForAnswers(static_cast<int>(random_() % 40));
    // Not to wait for anything, but for the end to come at any instant of what goes on.
    absl::Notification never;
    never.WaitForNotificationWithTimeout(AtMost(absl::Milliseconds(50)));
    if (orderly) {
      ASSERT_EQ(server_.Terminate(), 0) << server_.log();
      ++totals_->terminations;
    } else {
      ASSERT_EQ(server_.Kill(), 128 + SIGKILL) << "it had ended by itself\n" << server_.log();
      ++kills_;
      ++totals_->kills;
    }
  }

  void KillWhileItStarts() {
    // The first four fifths are the loading of libraries.
    const absl::Status started = server_.Start(0.8 * start_takes_ + AtMost(0.2 * start_takes_));
    ASSERT_TRUE(started.ok() || absl::IsDeadlineExceeded(started)) << started;
    ASSERT_EQ(server_.Kill(), 128 + SIGKILL) << "it had ended by itself\n" << server_.log();
    ++kills_;
    ++totals_->kills;
    totals_->kills_at_start += !started.ok();
  }

  void Start() {
    const absl::Time begin = absl::Now();
    ASSERT_THAT(server_.Start(), IsOk());
    start_takes_ = absl::Now() - begin;
    workload_.Up(server_.client());
  }

  std::mt19937 random_;
  ServerProcess server_{EXPUNGE_SERVER_PROGRAM, kCrashServerOptions};
  Workload workload_;
  absl::Duration start_takes_;  // the last one
  int kills_ = 0;
  Totals* const totals_;
};

TEST(RandomKillTest, WhatWasAcknowledgedHoldsThroughKillsAtAnyInstant) {
  const int kills = CrashKills();
  const uint32_t seed = CrashSeed();
  std::cout << "EXPUNGE_CRASH_SEED=" << seed << " EXPUNGE_CRASH_KILLS=" << kills << std::endl;
  const int lives = (kills + kKillsEach - 1) / kKillsEach;
  Totals totals;
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  for (unsigned i = std::clamp(std::thread::hardware_concurrency(), 2u, 16u); i > 0; --i) {
    threads.emplace_back([&] {
      for (int life = next++; life < lives && !HasFatalFailure(); life = next++) {
        SCOPED_TRACE(absl::StrCat("EXPUNGE_CRASH_SEED=", seed + life));
        Life(seed + static_cast<uint32_t>(life), &totals).Live(std::min(kKillsEach, kills - life * kKillsEach));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << totals.kills << " kills (" << totals.kills_at_start << " while it started) and " << totals.terminations
            << " orderly ends, in " << lives << " data directories; " << totals.answers << " calls were answered, "
            << totals.erasures << " of them new erasures" << std::endl;
}

}  // namespace
}  // namespace expunge
