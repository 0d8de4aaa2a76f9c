#include "storage/erasure_records.h"

#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ErasureRecordsTest : public KeyringTest {
 protected:
  ErasureRecordsTest() { Open(); }

  ErasureRecords& records() { return keyring_->erasures(); }

  std::vector<ErasureSequence> Pending(ShardId shard) {
    const auto pending = records().PendingIn(shard);
    EXPECT_THAT(pending, IsOk());
    return *pending;
  }
  std::vector<ErasureSequence> Unfinished() {
    std::vector<ErasureSequence> unfinished;
    EXPECT_THAT(records().ScanUnfinished([&](const records::Erasure& erasure) {
      unfinished.push_back(erasure.sequence());
      return true;
    }),
                IsOk());
    return unfinished;
  }
  std::vector<ErasureSequence> From(ErasureSequence first, size_t limit = 1000) {
    std::vector<ErasureSequence> found;
    EXPECT_THAT(records().Scan(first,
                               [&](const records::Erasure& erasure) {
                                 found.push_back(erasure.sequence());
                                 return found.size() < limit;
                               }),
                IsOk());
    return found;
  }
  void Record(const records::Erasure& erasure) {
    Keyring::ErasureWrite write;
    write.erasure = &erasure;
    ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  }
  void UpdateOne(const records::Erasure& erasure, bool synced = true) {
    ASSERT_THAT(records().Update({&erasure, 1}, synced), IsOk());
  }
};

TEST_F(ErasureRecordsTest, ErasuresAreFoundByNameAndByNumber) {
  EXPECT_EQ(*records().Last(), 0);
  Record(ErasureOf(1, SubjectNumber(1), {}));
  Record(ErasureOf(2, SubjectNumber(2), {}));
  Reopen();
  const auto found = records().Find(UuidNumber(2));
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->sequence(), 2);
  EXPECT_FALSE(records().Find(UuidNumber(3))->has_value());
  EXPECT_FALSE(records().Find("")->has_value());
  EXPECT_FALSE(records().Get(3)->has_value());
  EXPECT_EQ(*records().Last(), 2);
}

TEST_F(ErasureRecordsTest, ScansAscendFromTheFirstUntilToldToStop) {
  for (const ErasureSequence sequence : {1, 2, 254, 255, 256, 257, 65'536}) {
    Record(ErasureOf(sequence, SubjectNumber(1), {}));
  }
  EXPECT_THAT(From(0), ElementsAre(1, 2, 254, 255, 256, 257, 65'536));
  EXPECT_THAT(From(255), ElementsAre(255, 256, 257, 65'536));
  EXPECT_THAT(From(2, 3), ElementsAre(2, 254, 255));
  EXPECT_THAT(From(65'537), IsEmpty());
  EXPECT_EQ(*records().Last(), 65'536);
}

TEST_F(ErasureRecordsTest, AnUnfinishedOneIsFoundAsLongAsItsStateIsNotFinal) {
  records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {});
  Record(erasure);
  for (const auto state : {records::Erasure::PENDING, records::Erasure::COMPLETED, records::Erasure::IN_PROGRESS,
                           records::Erasure::DENIED, records::Erasure::PENDING, records::Erasure::FAILED}) {
    erasure.set_state(state);
    UpdateOne(erasure, /*synced=*/state != records::Erasure::DENIED);
    const bool open = state != records::Erasure::COMPLETED && state != records::Erasure::DENIED;
    EXPECT_EQ(IsUnfinished(erasure), open) << state;
    EXPECT_EQ(Unfinished().size(), open ? 1 : 0) << state;
    Reopen();
    EXPECT_EQ(Unfinished().size(), open ? 1 : 0) << state;
    EXPECT_EQ((*records().Get(1))->state(), state);
  }
}

TEST_F(ErasureRecordsTest, AnErasureThatIsDoneAtOnceLeavesNoMarks) {
  records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{{1, 0}, 0}});
  erasure.set_state(records::Erasure::COMPLETED);
  Record(erasure);
  EXPECT_THAT(Unfinished(), IsEmpty());
  EXPECT_THAT(Pending({1, 0}), IsEmpty());
  EXPECT_THAT(From(1), ElementsAre(1));
}

TEST_F(ErasureRecordsTest, APendingMarkFollowsTaskAndState) {
  records::Erasure first = ErasureOf(1, SubjectNumber(1), {{{1, 0}, 0}, {{2, 3}, 0}});
  records::Erasure second = ErasureOf(2, SubjectNumber(2), {{{1, 0}, 0}});
  Record(first);
  Record(second);
  EXPECT_THAT(Pending({1, 0}), ElementsAre(1, 2));
  EXPECT_THAT(Pending({2, 3}), ElementsAre(1));

  first.mutable_tasks(0)->set_retrained(true);
  UpdateOne(first);
  EXPECT_THAT(Pending({1, 0}), ElementsAre(2));
  EXPECT_THAT(Pending({2, 3}), ElementsAre(1));
  Reopen();
  EXPECT_THAT(Pending({1, 0}), ElementsAre(2));

  second.set_state(records::Erasure::FAILED);
  UpdateOne(second);
  EXPECT_THAT(Pending({1, 0}), ElementsAre(2)) << "it goes on when its shard is trained after all";

  first.set_state(records::Erasure::COMPLETED);
  second.mutable_tasks(0)->set_retrained(true);
  const records::Erasure both[] = {first, second};
  ASSERT_THAT(records().Update(both, true), IsOk());
  EXPECT_THAT(Pending({1, 0}), IsEmpty());
  EXPECT_THAT(Pending({2, 3}), IsEmpty());
  EXPECT_THAT(Unfinished(), ElementsAre(2));
}

TEST_F(ErasureRecordsTest, RecordingTwiceChangesNothing) {
  const records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{{1, 0}, 0}});
  Record(erasure);
  Record(erasure);
  EXPECT_THAT(From(1), ElementsAre(1));
  EXPECT_THAT(Unfinished(), ElementsAre(1));
  EXPECT_THAT(Pending({1, 0}), ElementsAre(1));
}

TEST_F(ErasureRecordsTest, AScanOfUnfinishedOnesMayFinishThem) {
  for (ErasureSequence sequence = 1; sequence <= 5; ++sequence) Record(ErasureOf(sequence, SubjectNumber(1), {}));
  std::vector<ErasureSequence> seen;
  ASSERT_THAT(records().ScanUnfinished([&](records::Erasure erasure) {
    seen.push_back(erasure.sequence());
    for (ErasureSequence other : {erasure.sequence(), erasure.sequence() + 1}) {
      if (other > 5) continue;
      records::Erasure closed = ErasureOf(other, SubjectNumber(1), {});
      closed.set_state(records::Erasure::COMPLETED);
      UpdateOne(closed);
    }
    return true;
  }),
              IsOk());
  EXPECT_THAT(seen, ElementsAre(1, 3, 5));
  EXPECT_THAT(Unfinished(), IsEmpty());
}

TEST_F(ErasureRecordsTest, AnUpdateOfManyIsOneWrite) {
  std::vector<records::Erasure> erasures;
  for (ErasureSequence sequence = 1; sequence <= 3; ++sequence) {
    erasures.push_back(ErasureOf(sequence, SubjectNumber(1), {}));
    Record(erasures.back());
    erasures.back().set_state(records::Erasure::COMPLETED);
  }
  ASSERT_THAT(records().Update(erasures, /*synced=*/true), IsOk());
  ASSERT_THAT(records().Update({}, /*synced=*/true), IsOk());
  Reopen();
  EXPECT_THAT(Unfinished(), IsEmpty());
  EXPECT_THAT(From(1), ElementsAre(1, 2, 3));
}

TEST_F(ErasureRecordsTest, WhatCannotBeReadIsDataLossAndNamed) {
  Record(ErasureOf(1, SubjectNumber(1), {}));
  Record(ErasureOf(2, SubjectNumber(1), {}));
  Close();
  StoreBytes(EncodeErasureKey(1), "\x02?", kErasures);
  OpenDatabase()->Delete(EncodeErasureKey(2), kErasures);
  Open();
  const auto any = [](const records::Erasure&) { return true; };
  for (const absl::Status& status : {records().Get(1).status(), records().Find(UuidNumber(1)).status(),
                                     records().Scan(0, any), records().ScanUnfinished(any)}) {
    EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
    EXPECT_EQ(status.message(), "an erasure cannot be read: the record has version 2, this program knows version 1");
  }
  EXPECT_THAT(records().Find(UuidNumber(2)), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

}  // namespace
}  // namespace expunge
