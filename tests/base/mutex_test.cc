#include "base/mutex.h"

#include <deque>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(MutexTest, ExcludesOtherThreads) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10'000; ++j) {
        MutexLock lock(&mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 40'000);
}

TEST(CondVarTest, HandsEveryItemOver) {
  Mutex mutex;
  CondVar changed;
  std::deque<int> queue;
  bool closed = false;
  int taken = 0;
  std::vector<std::thread> takers;
  for (int i = 0; i < 3; ++i) {
    takers.emplace_back([&] {
      MutexLock lock(&mutex);
      while (true) {
        while (queue.empty() && !closed) changed.Wait(&mutex);
        if (queue.empty()) return;
        queue.pop_front();
        ++taken;
      }
    });
  }
  for (int i = 0; i < 1000; ++i) {
    MutexLock lock(&mutex);
    queue.push_back(i);
    changed.Signal();
  }
  {
    MutexLock lock(&mutex);
    closed = true;
    changed.SignalAll();
  }
  for (std::thread& thread : takers) thread.join();
  EXPECT_EQ(taken, 1000);
}

TEST(CondVarTest, SaysWhenTheTimePassed) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(&mutex);
  for (absl::Duration timeout :
       {absl::Milliseconds(1), absl::ZeroDuration(), absl::Seconds(-1), -absl::InfiniteDuration()}) {
    while (!never.WaitWithTimeout(&mutex, timeout)) {
    }
  }
}

TEST(CondVarTest, ASignalEndsAWaitWithTimeout) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread signaler([&] {
    MutexLock lock(&mutex);
    ready = true;
    changed.Signal();
  });
  {
    MutexLock lock(&mutex);
    while (!ready) EXPECT_FALSE(changed.WaitWithTimeout(&mutex, absl::InfiniteDuration()));
  }
  signaler.join();
}

}  // namespace
}  // namespace expunge
