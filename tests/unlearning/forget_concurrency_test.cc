#include <atomic>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class ForgetConcurrencyTest : public EngineTest {
 protected:
  void OpenTrained(int subjects) {
    options_.retrain.workers = 2;
    Open();
    model_ = CreateModel("m", SmallSpec(4, 2));
    IngestSubjects(*model_, 1, subjects);
    TrainAll(*model_);
  }

  static void InThreads(int count, const std::function<void(int thread)>& work) {
    std::vector<std::thread> threads;
    for (int t = 0; t < count; ++t) threads.emplace_back(work, t);
    for (std::thread& thread : threads) thread.join();
  }

  uint64_t Count(records::Erasure::State state) { return engine_->ledger().CountsByState()[state]; }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(ForgetConcurrencyTest, OfOneSubjectCountItsSamplesOnce) {
  OpenTrained(8);
  std::atomic<uint64_t> erased = 0;
  InThreads(4, [&](int) { erased += Forget(1).samples_erased(); });
  EXPECT_EQ(erased, 2);
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 4);
}

TEST_F(ForgetConcurrencyTest, OfOneRequestAreOneErasure) {
  OpenTrained(8);
  const ForgetRequest request = RequestFor(1);
  std::vector<records::Erasure> erasures(4);
  InThreads(4, [&](int t) {
    const auto result = engine_->unlearner().Forget(request);
    ASSERT_THAT(result, IsOk());
    erasures[t] = result->erasure;
  });
  for (const records::Erasure& erasure : erasures) {
    EXPECT_EQ(erasure.uuid(), erasures[0].uuid());
    EXPECT_EQ(erasure.sequence(), erasures[0].sequence());
    EXPECT_EQ(erasure.samples_erased(), 2);
  }
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 1);
}

TEST_F(ForgetConcurrencyTest, OfManySubjectsInSeveralShardsNoneIsKnownAfterItsReply) {
  constexpr int kThreads = 4, kEach = 8, kSubjects = 48;
  OpenTrained(kSubjects);
  InThreads(kThreads, [&](int t) {
    for (int i = 0; i < kEach; ++i) {
      const int subject = 1 + t * kEach + i;
      EXPECT_EQ(Forget(subject).samples_erased(), 2);
      EXPECT_FALSE(AnyoneKnows(*model_, subject));
    }
  });
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Count(records::Erasure::COMPLETED), kThreads * kEach);
  for (int subject = 1; subject <= kSubjects; ++subject) {
    EXPECT_EQ(AnyoneKnows(*model_, subject), subject > kThreads * kEach) << "subject " << subject;
  }
  EXPECT_EQ(engine_->ledger().isolated_through(), kThreads * kEach);
}

TEST_F(ForgetConcurrencyTest, WithTrainAndIngestLeaveNothingBehind) {
  constexpr int kRounds = 12;
  OpenTrained(40);
  std::thread trains([&] {
    for (int i = 0; i < kRounds; ++i) {
      Ingest(*model_, {{100 + i, 0}});
      EXPECT_THAT(engine_->unlearner().Train(*model_), IsOk());
    }
  });
  for (int subject = 1; subject <= kRounds; ++subject) {
    Forget(subject);
    EXPECT_FALSE(AnyoneKnows(*model_, subject));
  }
  trains.join();
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  for (int subject = 1; subject <= 40; ++subject) EXPECT_EQ(AnyoneKnows(*model_, subject), subject > kRounds);
  for (int i = 0; i < kRounds; ++i) EXPECT_TRUE(AnyoneKnows(*model_, 100 + i));
}

}  // namespace
}  // namespace expunge
