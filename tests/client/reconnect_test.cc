#include "client/cli/reconnect.h"

#include "gtest/gtest.h"

namespace expunge::cli {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

TEST(ReconnectTest, WaitsLongerEachTimeUpToABound) {
  Reconnect reconnect;
  EXPECT_EQ(reconnect.NextDelay(kStart), absl::Milliseconds(100));
  EXPECT_EQ(reconnect.NextDelay(kStart), absl::Milliseconds(200));
  for (int i = 0; i < 10; ++i) reconnect.NextDelay(kStart);
  EXPECT_EQ(reconnect.NextDelay(kStart), Reconnect::kMaxDelay);
}

TEST(ReconnectTest, GivesUpHalfAMinuteAfterTheBreak) {
  Reconnect reconnect;
  ASSERT_TRUE(reconnect.NextDelay(kStart));
  EXPECT_EQ(reconnect.NextDelay(kStart + Reconnect::kPatience - absl::Milliseconds(1)), absl::Milliseconds(1));
  EXPECT_EQ(reconnect.NextDelay(kStart + Reconnect::kPatience), std::nullopt);
}

TEST(ReconnectTest, HearingFromTheServerStartsAnew) {
  Reconnect reconnect;
  reconnect.NextDelay(kStart);
  reconnect.NextDelay(kStart);
  reconnect.Heard();
  EXPECT_FALSE(reconnect.broken());
  EXPECT_EQ(reconnect.NextDelay(kStart + absl::Hours(1)), Reconnect::kFirstDelay);
}

class FollowTest : public testing::Test {
 protected:
  // Runs attempts that end as listed; those that heard the server come with true.
  absl::Status Follow(bool heard_before, const std::vector<std::pair<bool, absl::Status>>& attempts) {
    return FollowThroughRestarts(
        heard_before, [this] { ++breaks_; },
        [&](const std::function<void()>& heard) {
          const auto& [hears, status] = attempts.at(static_cast<size_t>(attempts_++));
          if (hears) heard();
          return status;
        });
  }

  int attempts_ = 0;
  int breaks_ = 0;
};

TEST_F(FollowTest, GoesOnAfterAServerThatWasHeardIsLost) {
  const absl::Status lost = absl::UnavailableError("lost");
  EXPECT_TRUE(Follow(false, {{true, lost}, {false, lost}, {true, absl::OkStatus()}}).ok());
  EXPECT_EQ(attempts_, 3);
  EXPECT_EQ(breaks_, 1);
}

TEST_F(FollowTest, AServerThatWasNeverHeardIsAnErrorAtOnce) {
  EXPECT_TRUE(absl::IsUnavailable(Follow(false, {{false, absl::UnavailableError("refused")}})));
  EXPECT_EQ(attempts_, 1);
}

TEST_F(FollowTest, OtherErrorsEndIt) {
  EXPECT_TRUE(
      absl::IsNotFound(Follow(true, {{false, absl::UnavailableError("lost")}, {true, absl::NotFoundError("gone")}})));
  EXPECT_EQ(attempts_, 2);
}

}  // namespace
}  // namespace expunge::cli
