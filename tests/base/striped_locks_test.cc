#include "base/striped_locks.h"

#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(StripedLocksTest, KeysOfOneStripeAreLockedOnce) {
  StripedLocks locks(4);
  for (int round = 0; round < 2; ++round) {
    const auto held = locks.Lock({1, 5, 1, 9});  // all of them stripe 1: locking it twice would never return
  }
}

TEST(StripedLocksTest, NoKeysLockNothing) {
  StripedLocks locks(1);
  const auto none = locks.Lock({});
  const auto one = locks.Lock({7});
}

TEST(StripedLocksTest, MovingHandsTheLockOn) {
  StripedLocks locks(1);
  {
    auto held = locks.Lock({0});
    const auto moved = std::move(held);
  }
  const auto again = locks.Lock({0});
}

TEST(StripedLocksTest, OverlappingSetsExcludeOneAnotherWithoutDeadlock) {
  constexpr size_t kKeys = 8;
  StripedLocks locks(kKeys);
  std::vector<int> counts(kKeys);  // each guarded by its stripe
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int round = 0; round < 2000; ++round) {
        const size_t a = random() % kKeys;
        const size_t b = (a + 1 + random() % (kKeys - 1)) % kKeys;
        const auto held = locks.Lock({a, b});
        ++counts[a];
        ++counts[b];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int total = 0;
  for (int count : counts) total += count;
  EXPECT_EQ(total, 4 * 2000 * 2);
}

}  // namespace
}  // namespace expunge
