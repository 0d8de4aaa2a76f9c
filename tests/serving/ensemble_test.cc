#include "serving/ensemble.h"

#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/simulated_clock.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Constituent Trained(uint32_t shard, uint32_t slices, uint64_t generation) {
  return {.shard = shard, .slices = slices, .generation = generation};
}

class EnsembleTest : public testing::Test {
 protected:
  std::vector<uint32_t> Shards() const { return ShardsOf(*ensemble_.Current()); }
  static std::vector<uint32_t> ShardsOf(const Snapshot& snapshot) {
    std::vector<uint32_t> shards;
    for (const Constituent& constituent : snapshot.constituents) shards.push_back(constituent.shard);
    return shards;
  }
  uint32_t SlicesOf(uint32_t shard) const {
    const auto snapshot = ensemble_.Current();
    for (const Constituent& constituent : snapshot->constituents) {
      if (constituent.shard == shard) return constituent.slices;
    }
    return 0;
  }

  SimulatedClock clock_;
  Ensemble ensemble_{4, &clock_};
};

TEST_F(EnsembleTest, BeginsWithAnEmptySnapshot) {
  ASSERT_NE(ensemble_.Current(), nullptr);
  EXPECT_THAT(Shards(), IsEmpty());
}

TEST_F(EnsembleTest, KeepsConstituentsInTheOrderOfShards) {
  for (const uint32_t shard : {2, 0, 3, 1}) EXPECT_TRUE(ensemble_.Publish(Trained(shard, 1, 1)));
  EXPECT_THAT(Shards(), ElementsAre(0, 1, 2, 3));
}

TEST_F(EnsembleTest, APublishReplacesTheConstituentOfItsShardAlone) {
  EXPECT_TRUE(ensemble_.Publish(Trained(0, 3, 1)));
  EXPECT_TRUE(ensemble_.Publish(Trained(1, 2, 1)));
  EXPECT_TRUE(ensemble_.Publish(Trained(1, 4, 1)));
  EXPECT_THAT(Shards(), ElementsAre(0, 1));
  EXPECT_EQ(SlicesOf(0), 3);
  EXPECT_EQ(SlicesOf(1), 4);
}

TEST_F(EnsembleTest, RefusesAConstituentOfAnOlderMembershipThanTheOneThatVotes) {
  EXPECT_TRUE(ensemble_.Publish(Trained(0, 2, 5)));
  EXPECT_FALSE(ensemble_.Publish(Trained(0, 4, 4)));
  EXPECT_EQ(SlicesOf(0), 2);
}

TEST_F(EnsembleTest, WithdrawStopsTheVoteOfWhoeverSawTheSlice) {
  ensemble_.Publish(Trained(0, 4, 1));
  ensemble_.Publish(Trained(1, 4, 1));
  ensemble_.Withdraw(0, 3, 2);
  EXPECT_THAT(Shards(), ElementsAre(1));
}

TEST_F(EnsembleTest, WithdrawLeavesAPrefixThatNeverSawTheSlice) {
  ensemble_.Publish(Trained(0, 3, 1));
  ensemble_.Withdraw(0, 3, 2);
  EXPECT_EQ(SlicesOf(0), 3);
  ensemble_.Withdraw(0, 2, 3);
  EXPECT_EQ(SlicesOf(0), 0);
}

TEST_F(EnsembleTest, WithdrawLeavesAConstituentOfTheNewMembership) {
  ensemble_.Publish(Trained(0, 4, 2));
  ensemble_.Withdraw(0, 0, 2);
  EXPECT_EQ(SlicesOf(0), 4);
}

TEST_F(EnsembleTest, ALatePublishNeverUndoesAWithdrawal) {
  ensemble_.Publish(Trained(0, 4, 1));
  ensemble_.Withdraw(0, 1, 2);
  EXPECT_FALSE(ensemble_.Publish(Trained(0, 4, 1)));
  EXPECT_THAT(Shards(), IsEmpty());
  EXPECT_TRUE(ensemble_.Publish(Trained(0, 1, 2)));
  EXPECT_EQ(SlicesOf(0), 1);
}

TEST_F(EnsembleTest, ALatePublishIsRefusedEvenOfSlicesThatWereNotWithdrawn) {
  ensemble_.Withdraw(0, 3, 2);
  EXPECT_FALSE(ensemble_.Publish(Trained(0, 2, 1)));
}

TEST_F(EnsembleTest, WithdrawalsThatComeOutOfOrderKeepTheNewestBarrier) {
  ensemble_.Withdraw(0, 0, 5);
  ensemble_.Withdraw(0, 0, 3);
  EXPECT_FALSE(ensemble_.Publish(Trained(0, 1, 4)));
  EXPECT_TRUE(ensemble_.Publish(Trained(0, 1, 5)));
}

TEST_F(EnsembleTest, TheBarrierOfOneShardDoesNotConcernAnother) {
  ensemble_.Withdraw(0, 0, 9);
  EXPECT_TRUE(ensemble_.Publish(Trained(1, 1, 1)));
}

TEST_F(EnsembleTest, VersionsGrowWithEveryChangeThoughTheClockStandsStill) {
  uint64_t version = ensemble_.Current()->version;
  for (int i = 0; i < 10; ++i) {
    ensemble_.Publish(Trained(0, 1, i + 1));
    EXPECT_GT(ensemble_.Current()->version, version);
    version = ensemble_.Current()->version;
    ensemble_.Withdraw(0, 0, i + 2);
    EXPECT_GT(ensemble_.Current()->version, version);
    version = ensemble_.Current()->version;
  }
}

TEST_F(EnsembleTest, KnowsWhichVersionsAnErasureMayHaveRetired) {
  ensemble_.Publish(Trained(0, 4, 1));
  EXPECT_EQ(ensemble_.erased_before(), 0);
  ensemble_.Withdraw(0, 0, 2);
  const uint64_t withdrawal = ensemble_.Current()->version;
  EXPECT_EQ(ensemble_.erased_before(), withdrawal);
  ensemble_.Publish(Trained(0, 1, 2));
  EXPECT_EQ(ensemble_.erased_before(), withdrawal);
}

TEST_F(EnsembleTest, VersionsGrowThoughTheClockWasSetBack) {
  ensemble_.Publish(Trained(0, 1, 1));
  const uint64_t version = ensemble_.Current()->version;
  clock_.Advance(-absl::Hours(1));
  ensemble_.Publish(Trained(0, 2, 1));
  EXPECT_GT(ensemble_.Current()->version, version);
}

TEST_F(EnsembleTest, VersionsGrowAcrossARestart) {
  for (int i = 0; i < 100; ++i) ensemble_.Publish(Trained(0, 1, 1));
  clock_.Advance(absl::Milliseconds(1));
  Ensemble restarted(4, &clock_);
  restarted.Publish(Trained(0, 1, 1));
  EXPECT_GT(restarted.Current()->version, ensemble_.Current()->version);
}

TEST_F(EnsembleTest, ASnapshotThatAReaderHoldsStaysAsItWas) {
  ensemble_.Publish(Trained(0, 4, 1));
  ensemble_.Publish(Trained(1, 4, 1));
  const std::shared_ptr<const Snapshot> held = ensemble_.Current();
  const uint64_t version = held->version;
  ensemble_.Withdraw(0, 0, 2);
  ensemble_.Publish(Trained(1, 2, 2));
  EXPECT_EQ(held->version, version);
  EXPECT_THAT(ShardsOf(*held), ElementsAre(0, 1));
  EXPECT_EQ(held->constituents[1].slices, 4);
}

}  // namespace
}  // namespace expunge
