#include "base/published.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

struct Version {
  explicit Version(int number, std::function<void()> on_end = nullptr)
      : number(number), twice(2 * number), on_end(std::move(on_end)) {}
  ~Version() {
    if (on_end) on_end();
  }
  const int number;
  const int twice;
  const std::function<void()> on_end;
};

TEST(PublishedTest, GivesWhatWasSetLast) {
  Published<Version> newest(std::make_shared<Version>(1));
  EXPECT_EQ(newest.Get()->number, 1);
  newest.Set(std::make_shared<Version>(2));
  EXPECT_EQ(newest.Get()->number, 2);
}

TEST(PublishedTest, AVersionLivesAsLongAsSomebodyHasIt) {
  bool ended = false;
  Published<Version> newest(std::make_shared<Version>(1, [&] { ended = true; }));
  auto held = newest.Get();
  newest.Set(std::make_shared<Version>(2));
  EXPECT_FALSE(ended);
  EXPECT_EQ(held->number, 1);
  held.reset();
  EXPECT_TRUE(ended);
}

TEST(PublishedTest, AVersionsEndMayReadTheNewest) {
  Published<Version> newest(nullptr);
  int seen = 0;
  newest.Set(std::make_shared<Version>(1, [&] { seen = newest.Get()->number; }));
  newest.Set(std::make_shared<Version>(2));
  EXPECT_EQ(seen, 2);
}

TEST(PublishedTest, ReadersSeeWholeVersionsThatNeverGoBack) {
  constexpr int kVersions = 20'000;
  Published<Version> newest(std::make_shared<Version>(0));
  std::atomic<int> announced = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      int last = 0;
      while (last < kVersions) {
        const int at_least = announced;
        const auto version = newest.Get();
        EXPECT_EQ(version->twice, 2 * version->number);
        EXPECT_GE(version->number, at_least);
        EXPECT_GE(version->number, last);
        last = version->number;
      }
    });
  }
  for (int number = 1; number <= kVersions; ++number) {
    newest.Set(std::make_shared<Version>(number));
    announced = number;
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace expunge
