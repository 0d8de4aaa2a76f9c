#include <atomic>
#include <thread>
#include <vector>

#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class IngestConcurrencyTest : public EngineTest {
 protected:
  IngestConcurrencyTest() {
    Open();
    model_ = CreateModel("m", SmallSpec(2, 2));
  }

  // Every stored sample opens with its subject's key and is what the membership names: TrainModel reads them all.
  void ExpectAllReadable() {
    TrainAll(*model_);
    for (uint32_t shard = 0; shard < 2; ++shard) EXPECT_EQ(model_->Status(shard).problem, "");
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(IngestConcurrencyTest, TwoWhoBringOneSubjectAtOnceBothSucceed) {
  constexpr int kThreads = 3, kSubjects = 20, kSamples = 4;
  std::atomic<uint64_t> ingested = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int subject = 1; subject <= kSubjects; ++subject) {
        std::vector<TestSample> samples;
        for (int i = 0; i < kSamples; ++i) samples.push_back({subject, t * kSamples + i});
        ingested += Ingest(*model_, samples).ingested;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ingested, kThreads * kSubjects * kSamples);
  for (int subject = 1; subject <= kSubjects; ++subject)
    EXPECT_EQ(RowOf(*model_, subject)->samples_size(), kThreads * kSamples);
  MutexLock lock(&model_->record_mutex);
  EXPECT_EQ(model_->record.ingest_batch(), kThreads * kSubjects);
}

TEST_F(IngestConcurrencyTest, TwoWhoBringTheSameSamplesAtOnceStoreThemOnce) {
  constexpr int kThreads = 3, kSubjects = 20;
  std::atomic<uint64_t> ingested = 0, unchanged = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int subject = 1; subject <= kSubjects; ++subject) {
        const IngestCounts counts = Ingest(*model_, {{subject, 0}, {kSubjects + 1 - subject, 1}});
        ingested += counts.ingested;
        unchanged += counts.unchanged;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ingested, 2 * kSubjects);
  EXPECT_EQ(unchanged, 2 * kSubjects * (kThreads - 1));
  ExpectAllReadable();
}

TEST_F(IngestConcurrencyTest, IngestAndForgetOfOneSubjectLeaveItWholeOrGone) {
  constexpr int kRounds = 20;
  IngestSubjects(*model_, 100, 4);
  std::thread ingests([&] {
    for (int i = 0; i < kRounds; ++i) Ingest(*model_, {{1, i}, {2, i}}, /*new_consent=*/true);
  });
  for (int i = 0; i < kRounds; ++i) Forget(1);
  ingests.join();
  EXPECT_EQ(RowOf(*model_, 2)->samples_size(), kRounds);
  ExpectAllReadable();
  Forget(1);
  EXPECT_EQ(RowOf(*model_, 1), std::nullopt);
  EXPECT_FALSE(AnyoneKnows(*model_, 1));
}

}  // namespace
}  // namespace expunge
