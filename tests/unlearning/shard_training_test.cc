#include "unlearning/shard_training.h"

#include <sched.h>

#include <functional>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/engine_fixture.h"
#include "tests/testing/hash_trainer.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

// Trains as a test wants.
class TrainerThat : public HashTrainer {
 public:
  using Act = std::function<absl::Status(const std::function<bool()>& stop)>;
  explicit TrainerThat(Act act) : act_(std::move(act)) {}

  absl::Status Train(const ModelSpec& /*spec*/, const SampleBlock& /*block*/,
                     absl::Span<const std::vector<uint32_t>> /*epochs*/, const std::function<bool()>& stop,
                     TrainingState* /*state*/) const override {
    return act_(stop);
  }

 private:
  const Act act_;
};

class TrainSliceTest : public testing::Test {
 protected:
  TrainSliceTest() : spec_(SmallSpec(1, 1)) {
    samples_.block = {.count = 1, .inputs = {1, 2, 3, 4}, .labels = {0}};
    samples_.keys = {SampleKey{}};
    samples_.slice_ends = {1};
  }

  absl::StatusOr<double> Train(TrainerThat::Act act, const std::function<bool(double)>& progress) {
    return TrainSlice(TrainerThat(std::move(act)), spec_, 0, 0, samples_, progress, &state_);
  }

  const ModelSpec spec_;
  ShardSamples samples_;
  TrainingState state_;
};

bool GoOn(double /*progress*/) { return true; }

TEST_F(TrainSliceTest, TrainsBelowEverybodyElseAndTellsTheCallersThread) {
  int policy = -1;
  const std::thread::id caller = std::this_thread::get_id();
  std::thread::id trained_on, told_on;
  const auto trained = Train(
      [&](const auto&) {
        policy = sched_getscheduler(0);
        trained_on = std::this_thread::get_id();
        return absl::OkStatus();
      },
      [&](double) {
        told_on = std::this_thread::get_id();
        return true;
      });
  ASSERT_THAT(trained, IsOk());
  EXPECT_EQ(policy, SCHED_IDLE);
  EXPECT_NE(trained_on, caller);
  EXPECT_EQ(told_on, caller);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST_F(TrainSliceTest, StopsATrainingThatAsks) {
  int told = 0;
  const auto trained = Train(
      [](const std::function<bool()>& stop) {
        while (!stop()) std::this_thread::yield();
        return absl::CancelledError("stopped");
      },
      [&](double) { return ++told < 3; });
  EXPECT_TRUE(absl::IsCancelled(trained.status()));
  EXPECT_EQ(told, 3) << "one that said stop is not asked again";
}

TEST_F(TrainSliceTest, IsNotBegunForOneThatSaysStopAndIsDoneWhenItIsDone) {
  int trainings = 0;
  const auto count = [&](const auto&) {
    ++trainings;
    return absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsCancelled(Train(count, [](double) { return false; }).status()));
  EXPECT_EQ(trainings, 0);
  EXPECT_THAT(Train(count, [](double progress) { return progress < 1; }), IsOk());
  EXPECT_EQ(trainings, 1);
}

TEST_F(TrainSliceTest, CountsTheProcessorTimeOfTheTraining) {
  constexpr double kSeconds = 0.02;
  const auto trained = Train(
      [](const auto&) {
        while (ThreadCpuSeconds() < kSeconds) {
        }
        return absl::OkStatus();
      },
      GoOn);
  ASSERT_THAT(trained, IsOk());
  EXPECT_GE(*trained, kSeconds);
}

TEST_F(TrainSliceTest, WhatTheTrainerThrowsReachesTheCaller) {
  const auto throws = [](const auto&) -> absl::Status { throw std::runtime_error("no luck"); };
  EXPECT_THROW(static_cast<void>(Train(throws, GoOn)), std::runtime_error);
}

TEST_F(TrainSliceTest, WhatTheCallerThrowsStopsTheTrainingAndReachesTheCaller) {
  const auto until_stopped = [](const std::function<bool()>& stop) {
    while (!stop()) std::this_thread::yield();
    return absl::CancelledError("stopped");
  };
  int told = 0;
  const auto throws = [&](double) -> bool {
    if (++told == 2) throw std::bad_alloc();
    return true;
  };
  EXPECT_THROW(static_cast<void>(Train(until_stopped, throws)), std::bad_alloc);
}

TEST_F(TrainSliceTest, WhatTheTrainerReturnsReachesTheCaller) {
  EXPECT_EQ(Train([](const auto&) { return absl::InternalError("no luck"); }, GoOn).status(),
            absl::InternalError("no luck"));
}

}  // namespace
}  // namespace expunge
