#include "unlearning/erasure_ledger.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "storage/rocks_store.h"
#include "tests/testing/simulated_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr ShardId kA = {1, 0}, kB = {1, 1}, kC = {2, 0};

class ErasureLedgerTest : public testing::Test {
 protected:
  ErasureLedgerTest() { Open(); }

  void Open() {
    ledger_.reset();
    keyring_.reset();
    auto keyring = Keyring::Open({.path = dir_ / "keyring", .master_key_file = dir_ / "master.key"});
    ASSERT_THAT(keyring, IsOk());
    keyring_ = *std::move(keyring);
    auto ledger = ErasureLedger::Open(keyring_.get(), &clock_);
    ASSERT_THAT(ledger, IsOk());
    ledger_ = *std::move(ledger);
  }

  ErasureSequence Record(const std::vector<ShardId>& shards,
                         records::Erasure::State state = records::Erasure::IN_PROGRESS) {
    records::Erasure erasure;
    erasure.set_sequence(ledger_->BeginIsolation());
    erasure.set_uuid(std::string(AsBytes(Sha256(std::to_string(erasure.sequence())))).substr(0, 16));
    erasure.set_subject(std::string(32, 's'));
    erasure.set_state(state);
    erasure.set_isolated_time_micros(absl::ToUnixMicros(clock_.Now()));
    for (const ShardId& shard : shards) {
      auto& task = *erasure.add_tasks();
      task.set_model(shard.model);
      task.set_shard(shard.shard);
    }
    EXPECT_THAT(ledger_->Record({{.erasure = &erasure}}), IsOk());
    ledger_->EndIsolation(erasure.sequence());
    return erasure.sequence();
  }

  void Purge(ErasureSequence sequence) { EXPECT_THAT(ledger_->MarkPurged({sequence}, clock_.Now()), IsOk()); }
  void Retrain(ShardId shard, ErasureSequence sequence, double worker_seconds = 1) {
    EXPECT_THAT(ledger_->MarkRetrained(shard, {sequence}, {worker_seconds, clock_.Now()}, [] { return true; }), IsOk());
  }

  records::Erasure Get(ErasureSequence sequence) {
    return *ledger_->Find(keyring_->erasures().Get(sequence)->value().uuid());
  }
  uint64_t Count(records::Erasure::State state) { return ledger_->CountsByState()[state]; }
  std::vector<ErasureSequence> Pending(ShardId shard) { return *ledger_->PendingIn(shard); }

  const TempDir dir_;
  SimulatedClock clock_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<ErasureLedger> ledger_;
};

TEST_F(ErasureLedgerTest, SequencesGrowAndGoOnAfterAReopen) {
  EXPECT_EQ(ledger_->BeginIsolation(), 1);
  EXPECT_EQ(Record({kA}), 2);
  Open();
  EXPECT_EQ(Record({kA}), 3);
}

TEST_F(ErasureLedgerTest, IsolatedThroughWaitsForTheOldestThatIsOpen) {
  const ErasureSequence first = ledger_->BeginIsolation(), second = ledger_->BeginIsolation(),
                        third = ledger_->BeginIsolation();
  EXPECT_EQ(ledger_->isolated_through(), 0);
  ledger_->EndIsolation(second);
  EXPECT_EQ(ledger_->isolated_through(), 0);
  ledger_->EndIsolation(first);
  EXPECT_EQ(ledger_->isolated_through(), second);
  const ErasureSequence fourth = ledger_->BeginIsolation();
  EXPECT_EQ(ledger_->isolated_through(), second);
  ledger_->EndIsolation(fourth);
  EXPECT_EQ(ledger_->isolated_through(), second);
  ledger_->EndIsolation(third);
  EXPECT_EQ(ledger_->isolated_through(), fourth);
}

TEST_F(ErasureLedgerTest, WaitsForTheIsolationOfThoseBefore) {
  const ErasureSequence first = ledger_->BeginIsolation();
  const ErasureSequence second = ledger_->BeginIsolation();
  ledger_->EndIsolation(second);
  std::thread other([&] { ledger_->EndIsolation(first); });
  ledger_->AwaitIsolated(second);
  EXPECT_EQ(ledger_->isolated_through(), second);
  other.join();
}

TEST_F(ErasureLedgerTest, IsolatedThroughNeverFallsWhileManyBeginAndEnd) {
  std::atomic<bool> done = false;
  std::thread reader([&] {
    ErasureSequence last = 0;
    while (!done) {
      const ErasureSequence now = ledger_->isolated_through();
      EXPECT_GE(now, last);
      last = now;
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const ErasureSequence sequence = ledger_->BeginIsolation();
        EXPECT_LT(ledger_->isolated_through(), sequence);
        ledger_->EndIsolation(sequence);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  reader.join();
  EXPECT_EQ(ledger_->isolated_through(), 1500);
}

TEST_F(ErasureLedgerTest, EveryErasureBeforeAReopenIsIsolatedAfterIt) {
  Record({kA});
  const ErasureSequence last = Record({kA});
  Open();
  EXPECT_EQ(ledger_->isolated_through(), last);
}

TEST_F(ErasureLedgerTest, ARecordIsFoundByItsUuid) {
  const ErasureSequence sequence = Record({kA});
  const auto found = ledger_->Find(Get(sequence).uuid());
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->sequence(), sequence);
  EXPECT_THAT(ledger_->Find(std::string(16, 'x')), Fails(absl::StatusCode::kNotFound, "ERASURE_NOT_FOUND"));
}

TEST_F(ErasureLedgerTest, CompletedOnlyWhenPurgedAndRetrainedEverywhere) {
  std::vector<int> order = {0, 1, 2};
  do {
    const ErasureSequence sequence = Record({kA, kC});
    for (const int milestone : order) {
      EXPECT_EQ(Get(sequence).state(), records::Erasure::IN_PROGRESS);
      EXPECT_FALSE(OwesNothing(Get(sequence)));
      if (milestone == 0) Purge(sequence);
      if (milestone == 1) Retrain(kA, sequence);
      if (milestone == 2) Retrain(kC, sequence);
    }
    EXPECT_EQ(Get(sequence).state(), records::Erasure::COMPLETED);
    EXPECT_TRUE(OwesNothing(Get(sequence)));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(ErasureLedgerTest, ARetrainCountsForItsShardAlone) {
  const ErasureSequence sequence = Record({kA, kB, kC});
  Retrain(kB, sequence, 2.5);
  const records::Erasure erasure = Get(sequence);
  EXPECT_FALSE(erasure.tasks(0).retrained());
  EXPECT_TRUE(erasure.tasks(1).retrained());
  EXPECT_EQ(erasure.tasks(1).worker_seconds(), 2.5);
  EXPECT_FALSE(erasure.tasks(2).retrained());
  EXPECT_EQ(erasure.retrained_time_micros(), 0);
}

TEST_F(ErasureLedgerTest, MilestonesKeepTheirFirstTime) {
  const ErasureSequence sequence = Record({kA});
  const auto mark_all = [&](double worker_seconds) {
    Purge(sequence);
    Retrain(kA, sequence, worker_seconds);
  };
  mark_all(1);
  const records::Erasure first = Get(sequence);
  const int64_t now = absl::ToUnixMicros(clock_.Now());
  EXPECT_EQ(first.isolated_time_micros(), now);
  EXPECT_EQ(first.shredded_time_micros(), now);
  EXPECT_EQ(first.purged_time_micros(), now);
  EXPECT_EQ(first.retrained_time_micros(), now);
  EXPECT_EQ(first.completed_time_micros(), now);
  clock_.Advance(absl::Hours(1));
  mark_all(2);
  EXPECT_EQ(Get(sequence).SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 1);
}

TEST_F(ErasureLedgerTest, CountsByStateFollowAndAreFoundAgainAfterAReopen) {
  Record({}, records::Erasure::COMPLETED);
  Record({kA});
  const ErasureSequence sequence = Record({kA});
  EXPECT_EQ(Count(records::Erasure::IN_PROGRESS), 2);
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 1);
  Purge(sequence);
  Retrain(kA, sequence);
  EXPECT_EQ(Count(records::Erasure::IN_PROGRESS), 1);
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 2);
  const auto before = ledger_->CountsByState();
  Open();
  EXPECT_EQ(ledger_->CountsByState(), before);
}

TEST_F(ErasureLedgerTest, ManyErasuresAreMarkedInOneCall) {
  std::vector<ErasureSequence> sequences;
  for (int i = 0; i < 600; ++i) {
    sequences.push_back(i + 1);
    records::Erasure erasure;
    erasure.set_sequence(i + 1);
    erasure.set_uuid(std::string(AsBytes(Sha256(std::to_string(i)))).substr(0, 16));
    erasure.set_state(records::Erasure::IN_PROGRESS);
    ASSERT_THAT(keyring_->erasures().Update({erasure}, /*synced=*/false), IsOk());
  }
  Open();
  sequences.push_back(9999);  // one that does not exist is passed over
  EXPECT_THAT(ledger_->MarkPurged(sequences, clock_.Now()), IsOk());
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 600);
  EXPECT_EQ(Count(records::Erasure::IN_PROGRESS), 0);
}

TEST_F(ErasureLedgerTest, AnErasureThatIsNamedTwiceInOneCallIsMarkedOnce) {
  const ErasureSequence first = Record({}), second = Record({});
  EXPECT_THAT(ledger_->MarkPurged({first, second, first}, clock_.Now()), IsOk());
  EXPECT_EQ(Count(records::Erasure::IN_PROGRESS), 0);
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 2);
}

TEST_F(ErasureLedgerTest, ARetrainThatIsNoLongerTrueDoesNotCount) {
  const ErasureSequence sequence = Record({kA});
  EXPECT_THAT(ledger_->MarkRetrained(kA, {sequence}, {1, clock_.Now()}, [] { return false; }), IsOk());
  EXPECT_FALSE(Get(sequence).tasks(0).retrained());
  Retrain(kA, sequence);
  EXPECT_TRUE(Get(sequence).tasks(0).retrained());
}

TEST_F(ErasureLedgerTest, ASubjectOwesAPurgeUntilEachOfItsErasuresIsPurged) {
  const std::string subject(32, 's');
  EXPECT_FALSE(ledger_->OwesPurge(subject));
  Record({}, records::Erasure::COMPLETED);
  EXPECT_FALSE(ledger_->OwesPurge(subject));
  const ErasureSequence first = Record({kA}), second = Record({kA});
  EXPECT_TRUE(ledger_->OwesPurge(subject));
  EXPECT_FALSE(ledger_->OwesPurge(std::string(32, 't')));
  Purge(first);
  EXPECT_TRUE(ledger_->OwesPurge(subject));
  Open();
  EXPECT_TRUE(ledger_->OwesPurge(subject));
  Purge(second);
  EXPECT_FALSE(ledger_->OwesPurge(subject));
}

TEST_F(ErasureLedgerTest, MarksFromSeveralThreadsAreAllKept) {
  for (int round = 0; round < 20; ++round) {
    const ErasureSequence sequence = Record({kA, kB, kC});
    std::vector<std::thread> threads;
    for (const ShardId shard : {kA, kB, kC}) threads.emplace_back([&, shard] { Retrain(shard, sequence); });
    threads.emplace_back([&] { Purge(sequence); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(Get(sequence).state(), records::Erasure::COMPLETED);
  }
  EXPECT_EQ(Count(records::Erasure::COMPLETED), 20);
}

TEST_F(ErasureLedgerTest, TellsOfEveryChange) {
  int told = 0;
  const auto subscription = ledger_->changes().Subscribe([&told] { ++told; });
  const ErasureSequence sequence = Record({kA});
  EXPECT_EQ(told, 1);
  Purge(sequence);
  EXPECT_EQ(told, 2);
  Retrain(kA, sequence);
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace expunge
