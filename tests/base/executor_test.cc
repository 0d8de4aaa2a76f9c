#include "base/executor.h"

#include <pthread.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/inline_executor.h"

namespace expunge {
namespace {

std::string NameOfThisThread() {
  char name[16];
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

TEST(ThreadPoolTest, DestructionRunsEveryTaskAlreadyScheduled) {
  for (int threads : {1, 4}) {
    std::atomic<int> done = 0;
    std::latch gate(1);
    {
      ThreadPool pool("pool", threads);
      for (int i = 0; i < threads; ++i) pool.Schedule([&] { gate.wait(); });
      for (int i = 0; i < 1000; ++i) pool.Schedule([&] { ++done; });
      EXPECT_EQ(done, 0);
      gate.count_down();
    }
    EXPECT_EQ(done, 1000);
  }
}

TEST(ThreadPoolTest, DestructionRunsWhatTasksSchedule) {
  std::atomic<int> done = 0;
  std::function<void(int)> spread;  // outlives the pool, whose destructor still runs it
  {
    ThreadPool pool("pool", 3);
    spread = [&](int depth) {
      ++done;
      if (depth == 0) return;
      for (int i = 0; i < 2; ++i) pool.Schedule([&spread, depth] { spread(depth - 1); });
    };
    pool.Schedule([&] { spread(8); });
  }
  EXPECT_EQ(done, 511);  // 1 + 2 + 4 + ... + 256
}

TEST(ThreadPoolTest, RunsAsManyTasksAtOnceAsItHasThreads) {
  std::barrier meeting(4);  // nobody leaves before four have come
  ThreadPool pool("pool", 4);
  for (int i = 0; i < 8; ++i) pool.Schedule([&] { meeting.arrive_and_wait(); });
}

TEST(ThreadPoolTest, OneThreadRunsTasksInOrder) {
  std::vector<int> order;
  {
    ThreadPool pool("pool", 1);
    for (int i = 0; i < 100; ++i) pool.Schedule([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST(ThreadPoolTest, ATaskMayLetAnotherThreadDestroyThePool) {
  for (int round = 0; round < 200; ++round) {
    auto pool = std::make_unique<ThreadPool>("pool", 1);
    std::latch ran(1);
    std::thread scheduler([&pool, &ran] { pool->Schedule([&ran] { ran.count_down(); }); });
    ran.wait();
    pool.reset();  // while Schedule may still be returning
    scheduler.join();
  }
}

TEST(ThreadPoolTest, TakesTasksThatOnlyMove) {
  std::atomic<int> sum = 0;
  {
    ThreadPool pool("pool", 2);
    pool.Schedule([&sum, value = std::make_unique<int>(7)] { sum += *value; });
  }
  EXPECT_EQ(sum, 7);
}

TEST(ThreadPoolTest, AnIdlePoolJustStops) { ThreadPool pool("pool", 4); }

TEST(ThreadPoolTest, NamesItsThreadsInFifteenCharacters) {
  std::string name;
  {
    ThreadPool pool("a-name-that-is-longer", 1);
    pool.Schedule([&] { name = NameOfThisThread(); });
  }
  EXPECT_EQ(name, "a-name-that-is-");
}

TEST(InlineExecutorTest, RunsATaskBeforeScheduleReturns) {
  InlineExecutor executor;
  std::thread::id ran_on;
  executor.Schedule([&] { ran_on = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace expunge
