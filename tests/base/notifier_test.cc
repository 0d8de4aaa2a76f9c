#include "base/notifier.h"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(NotifierTest, TellsEverySubscriberEachTime) {
  Notifier notifier;
  int first = 0;
  int second = 0;
  const auto a = notifier.Subscribe([&] { ++first; });
  notifier.Notify();
  const auto b = notifier.Subscribe([&] { ++second; });
  notifier.Notify();
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
}

TEST(NotifierTest, WithoutSubscribersNothingHappens) {
  Notifier notifier;
  notifier.Notify();
}

TEST(NotifierTest, EndingOneSubscriptionLeavesTheOthers) {
  Notifier notifier;
  int first = 0;
  int second = 0;
  auto a = notifier.Subscribe([&] { ++first; });
  const auto b = notifier.Subscribe([&] { ++second; });
  a.reset();
  notifier.Notify();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(NotifierTest, EndingASubscriptionWaitsForItsRunningCallback) {
  Notifier notifier;
  std::latch entered(1);
  std::atomic<bool> finished = false;
  auto subscription = notifier.Subscribe([&] {
    entered.count_down();
    std::this_thread::yield();
    finished = true;
  });
  std::thread notifying([&] { notifier.Notify(); });
  entered.wait();
  subscription.reset();
  EXPECT_TRUE(finished);
  notifying.join();
}

TEST(NotifierTest, NoCallbackRunsAfterItsSubscriptionEnded) {
  Notifier notifier;
  std::atomic<bool> stop = false;
  std::thread notifying([&] {
    while (!stop) notifier.Notify();
  });
  std::vector<std::thread> subscribers;
  for (int i = 0; i < 3; ++i) {
    subscribers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        auto calls = std::make_unique<int>(0);  // gone when the subscription is: a sanitizer sees a late call
        auto subscription = notifier.Subscribe([seen = calls.get()] { ++*seen; });
        subscription.reset();
        calls.reset();
      }
    });
  }
  for (std::thread& thread : subscribers) thread.join();
  stop = true;
  notifying.join();
}

TEST(NotifierTest, WhatACallbackHoldsMayUseTheNotifierWhenDestroyed) {
  Notifier notifier;
  auto inner = std::make_shared<std::unique_ptr<Notifier::Subscription>>(notifier.Subscribe([] {}));
  auto outer = notifier.Subscribe([held = std::move(inner)] {});
  outer.reset();
  notifier.Notify();
}

}  // namespace
}  // namespace expunge
