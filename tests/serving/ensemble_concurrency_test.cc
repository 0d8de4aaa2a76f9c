#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "serving/ensemble.h"
#include "tests/testing/simulated_clock.h"

namespace expunge {
namespace {

constexpr uint32_t kShards = 4;
constexpr uint64_t kRounds = 2000;

// All that a constituent says follows from its generation, so that one put together of two is recognized.
Constituent Marked(uint32_t shard, uint64_t generation) {
  Constituent constituent = {
      .shard = shard, .slices = static_cast<uint32_t>(generation % 7 + 1), .generation = generation};
  constituent.lineage.fill(static_cast<uint8_t>(generation));
  constituent.parameters_digest.fill(static_cast<uint8_t>(generation * 3));
  return constituent;
}

bool IsWhole(const Snapshot& snapshot) {
  for (size_t i = 0; i < snapshot.constituents.size(); ++i) {
    const Constituent& found = snapshot.constituents[i];
    const Constituent expected = Marked(found.shard, found.generation);
    if (found.slices != expected.slices || found.lineage != expected.lineage ||
        found.parameters_digest != expected.parameters_digest) {
      return false;
    }
    if (i > 0 && snapshot.constituents[i - 1].shard >= found.shard) return false;
  }
  return true;
}

TEST(EnsembleConcurrencyTest, ReadersSeeWholeSnapshotsInOrderWhileWritersSwap) {
  const SimulatedClock clock;
  Ensemble ensemble(kShards, 1, &clock);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      uint64_t version = 0;
      while (!done) {
        const std::shared_ptr<const Snapshot> snapshot = ensemble.Current();
        EXPECT_TRUE(IsWhole(*snapshot));
        EXPECT_GE(snapshot->version, version);
        version = snapshot->version;
      }
    });
  }
  std::vector<std::thread> writers;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    writers.emplace_back([&ensemble, shard] {
      for (uint64_t generation = 1; generation <= kRounds; ++generation) {
        EXPECT_TRUE(ensemble.Publish(Marked(shard, generation)));
        if (generation % 5 == 0) ensemble.Withdraw(shard, 0, generation + 1);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(ensemble.Current()->constituents.size(), 0);  // kRounds is a multiple of 5: all were withdrawn last
}

// Each writer's withdrawals raise the barrier of a shard that another one publishes into, always a little late.
TEST(EnsembleConcurrencyTest, NoSnapshotTakenAfterAWithdrawalHasWhatItWithdrew) {
  const SimulatedClock clock;
  Ensemble ensemble(1, 1, &clock);
  std::atomic<uint64_t> generation = 1;
  std::atomic<bool> done = false;
  std::thread publisher([&] {
    while (!done) ensemble.Publish(Marked(0, generation));
  });
  for (uint64_t next = 2; next <= kRounds; ++next) {
    ensemble.Withdraw(0, 0, next);
    const std::shared_ptr<const Snapshot> snapshot = ensemble.Current();
    for (const Constituent& constituent : snapshot->constituents) EXPECT_GE(constituent.generation, next);
    generation = next;
  }
  done = true;
  publisher.join();
}

}  // namespace
}  // namespace expunge
