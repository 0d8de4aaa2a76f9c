#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ErasureRowsTest : public testing::Test {
 protected:
  std::vector<ErasureSequence> Pending(ShardId shard) {
    const auto pending = store_->View()->PendingErasures(shard);
    EXPECT_THAT(pending, IsOk());
    return *pending;
  }
  std::vector<ErasureSequence> OpenOnes() {
    std::vector<ErasureSequence> open;
    EXPECT_THAT(store_->ScanOpenErasures([&](const records::Erasure& erasure) {
      open.push_back(erasure.sequence());
      return true;
    }),
                IsOk());
    return open;
  }
  std::vector<ErasureSequence> From(ErasureSequence first, size_t limit = 1000) {
    std::vector<ErasureSequence> found;
    EXPECT_THAT(store_->ScanErasures(first,
                                     [&](const records::Erasure& erasure) {
                                       found.push_back(erasure.sequence());
                                       return found.size() < limit;
                                     }),
                IsOk());
    return found;
  }
  void Record(const records::Erasure& erasure) { ASSERT_THAT(store_->RecordErasure(erasure, {}, {}), IsOk()); }
  void UpdateOne(const records::Erasure& erasure, bool synced = true) {
    ASSERT_THAT(store_->UpdateErasures({&erasure, 1}, synced), IsOk());
  }

  const TempDir directory_;
  ReopenableStore store_{directory_ / "store"};
};

TEST_F(ErasureRowsTest, RecordErasureTakesOutTheSubjectAndWhatItInvalidates) {
  const Pseudonym forgotten = SubjectNumber(1), kept = SubjectNumber(2);
  for (const ModelUid uid : {1u, 2u}) {
    ASSERT_THAT(store_->ApplyIngest(uid, ModelNamed("m"), {Update(4, forgotten, {1, 2, 3}), Update(4, kept, {4})}),
                IsOk());
    for (uint32_t slice = 0; slice < 4; ++slice) {
      for (const uint32_t shard : {4u, 5u}) {
        ASSERT_THAT(store_->PutCheckpoint({uid, shard}, slice, CheckpointWithSteps(1), std::string(9'000, 's')),
                    IsOk());
      }
    }
  }
  const records::Erasure erasure = ErasureOf(1, forgotten, {{{1, 4}, 2}, {{2, 4}, 4}});
  const std::vector<SubjectRemoval> removals = {Removal({1, 4}, forgotten, {1, 2, 3}),
                                                Removal({2, 4}, forgotten, {1, 2, 3})};
  ASSERT_THAT(store_->RecordErasure(erasure, removals, {kEveryModel}), IsOk());
  store_.Reopen();

  for (const ModelUid uid : {1u, 2u}) {
    EXPECT_FALSE(store_->GetSubject({uid, 4}, forgotten)->has_value());
    const auto contents = Contents(store_->View().get(), {uid, 4});
    EXPECT_EQ(contents.size(), 1);
    EXPECT_EQ(contents.count(kept), 1);
    for (uint32_t slice = 0; slice < 4; ++slice) {
      EXPECT_EQ(store_->GetCheckpoint({uid, 4}, slice)->has_value(), uid == 2 || slice < 2);
      EXPECT_EQ(store_->GetCheckpointState({uid, 4}, slice).ok(), uid == 2 || slice < 2);
      EXPECT_TRUE(store_->GetCheckpoint({uid, 5}, slice)->has_value());
    }
    EXPECT_THAT(Pending({uid, 4}), ElementsAre(1));
    EXPECT_THAT(Pending({uid, 5}), IsEmpty());
    EXPECT_TRUE(*store_->IsSuppressed(uid, forgotten));
    EXPECT_FALSE(*store_->IsSuppressed(uid, kept));
  }
  EXPECT_EQ((*store_->GetErasure(1))->DebugString(), erasure.DebugString());
}

TEST_F(ErasureRowsTest, ErasuresAreFoundByNameAndByNumber) {
  EXPECT_EQ(*store_->LastErasureSequence(), 0);
  Record(ErasureOf(1, SubjectNumber(1), {}));
  Record(ErasureOf(2, SubjectNumber(2), {}));
  store_.Reopen();
  const auto found = store_->FindErasure(UuidNumber(2));
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->sequence(), 2);
  EXPECT_FALSE(store_->FindErasure(UuidNumber(3))->has_value());
  EXPECT_FALSE(store_->FindErasure("")->has_value());
  EXPECT_FALSE(store_->GetErasure(3)->has_value());
  EXPECT_EQ(*store_->LastErasureSequence(), 2);
}

TEST_F(ErasureRowsTest, ScansAscendFromTheFirstUntilToldToStop) {
  for (const ErasureSequence sequence : {1, 2, 254, 255, 256, 257, 65'536}) {
    Record(ErasureOf(sequence, SubjectNumber(1), {}));
  }
  EXPECT_THAT(From(0), ElementsAre(1, 2, 254, 255, 256, 257, 65'536));
  EXPECT_THAT(From(255), ElementsAre(255, 256, 257, 65'536));
  EXPECT_THAT(From(2, 3), ElementsAre(2, 254, 255));
  EXPECT_THAT(From(65'537), IsEmpty());
  EXPECT_EQ(*store_->LastErasureSequence(), 65'536);
}

TEST_F(ErasureRowsTest, AnOpenMarkFollowsTheState) {
  records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {});
  Record(erasure);
  for (const auto state : {records::Erasure::PENDING, records::Erasure::COMPLETED, records::Erasure::IN_PROGRESS,
                           records::Erasure::DENIED, records::Erasure::PENDING, records::Erasure::FAILED}) {
    erasure.set_state(state);
    UpdateOne(erasure, /*synced=*/state != records::Erasure::DENIED);
    const bool open = state == records::Erasure::PENDING || state == records::Erasure::IN_PROGRESS;
    EXPECT_EQ(OpenOnes().size(), open ? 1 : 0) << state;
    store_.Reopen();
    EXPECT_EQ(OpenOnes().size(), open ? 1 : 0) << state;
    EXPECT_EQ((*store_->GetErasure(1))->state(), state);
  }
}

TEST_F(ErasureRowsTest, AnErasureThatIsDoneAtOnceLeavesNoMarks) {
  records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{{1, 0}, 0}});
  erasure.set_state(records::Erasure::COMPLETED);
  Record(erasure);
  EXPECT_THAT(OpenOnes(), IsEmpty());
  EXPECT_THAT(Pending({1, 0}), IsEmpty());
  EXPECT_THAT(From(1), ElementsAre(1));
}

TEST_F(ErasureRowsTest, APendingMarkFollowsTaskAndState) {
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
  store_.Reopen();
  EXPECT_THAT(Pending({1, 0}), ElementsAre(2));

  first.set_state(records::Erasure::FAILED);
  second.mutable_tasks(0)->set_retrained(true);
  const records::Erasure both[] = {first, second};
  ASSERT_THAT(store_->UpdateErasures(both, true), IsOk());
  EXPECT_THAT(Pending({1, 0}), IsEmpty());
  EXPECT_THAT(Pending({2, 3}), IsEmpty());
  EXPECT_THAT(OpenOnes(), ElementsAre(2));
}

TEST_F(ErasureRowsTest, RecordingTwiceChangesNothing) {
  const records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{{1, 0}, 0}});
  Record(erasure);
  Record(erasure);
  EXPECT_THAT(From(1), ElementsAre(1));
  EXPECT_THAT(OpenOnes(), ElementsAre(1));
  EXPECT_THAT(Pending({1, 0}), ElementsAre(1));
}

TEST_F(ErasureRowsTest, AScanOfOpenErasuresMayCloseThem) {
  for (ErasureSequence sequence = 1; sequence <= 5; ++sequence) Record(ErasureOf(sequence, SubjectNumber(1), {}));
  std::vector<ErasureSequence> seen;
  ASSERT_THAT(store_->ScanOpenErasures([&](records::Erasure erasure) {
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
  EXPECT_THAT(OpenOnes(), IsEmpty());
}

}  // namespace
}  // namespace expunge
