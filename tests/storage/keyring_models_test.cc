// Models in the keyring: their numbers, and the death of all of a model's keys.

#include <set>
#include <thread>

#include "base/mutex.h"
#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

TEST_F(KeyringTest, ModelNumbersAreNeverGivenTwice) {
  Open();
  std::set<ModelUid> given;
  for (int i = 0; i < 6; ++i) {
    const auto uid = keyring_->NextModelUid();
    ASSERT_THAT(uid, IsOk());
    EXPECT_NE(*uid, kEveryModel);
    EXPECT_TRUE(given.insert(*uid).second);
    if (i % 2 == 1) Reopen();
  }
  ASSERT_THAT(keyring_->DestroyModelKeys(*given.rbegin(), absl::UnixEpoch()), IsOk());
  ASSERT_THAT(keyring_->ReclaimedModels({*given.rbegin()}), IsOk());
  Reopen();
  EXPECT_EQ(given.count(*keyring_->NextModelUid()), 0);
}

TEST_F(KeyringTest, ManyWhoAskForAModelNumberAtOnceGetOneEach) {
  Open();
  Mutex mutex;
  std::set<ModelUid> given;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const auto uid = keyring_->NextModelUid();
        ASSERT_THAT(uid, IsOk());
        const MutexLock lock(&mutex);
        EXPECT_TRUE(given.insert(*uid).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(given.size(), 40);
}

TEST_F(KeyringTest, TheLastModelNumberIsNotFollowedByTheFirst) {
  Open();
  Close();
  StoreBytes(std::string(kLastModelUidKey), EncodeUint32(0xffffffff));
  Open();
  EXPECT_EQ(keyring_->NextModelUid().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(KeyringTest, DestroyModelKeysTakesAllItsKeysAndLeavesAMark) {
  Open();
  for (int i = 0; i < 10; ++i) CreateSubjectKey(1, SubjectNumber(i));
  const CheckpointKeyId id = CreateCheckpointKey({1, 7}, 0);
  ForgetSamples({1, 0}, SubjectNumber(3), {SampleNumber(1)});
  const std::string other = CreateSubjectKey(2, SubjectNumber(1));
  const CheckpointKeyId other_id = CreateCheckpointKey({2, 7}, 0);
  EXPECT_THAT(*keyring_->ListDeadModels(), IsEmpty());
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_THAT(keyring_->DestroyModelKeys(1, absl::UnixEpoch()), IsOk());
    Reopen();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(KeyOf(1, SubjectNumber(i)), "");
    EXPECT_FALSE(HasCheckpointKey({1, 7}, 0, id));
    EXPECT_THAT(*keyring_->ListRekeys(), IsEmpty());
    EXPECT_EQ(KeyOf(2, SubjectNumber(1)), other);
    EXPECT_TRUE(HasCheckpointKey({2, 7}, 0, other_id));
    EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(Field(&Keyring::DeadModel::model, 1)));
  }
}

TEST_F(KeyringTest, AModelIsDeadForGoodAndReclaimedOnceForEachDeletion) {
  Open();
  const absl::Time now = absl::FromUnixMicros(7);
  for (const ModelUid uid : {300, 2, 1}) ASSERT_THAT(keyring_->DestroyModelKeys(uid, now), IsOk());
  const auto is = [&](ModelUid uid, bool reclaimed) {
    return AllOf(Field(&Keyring::DeadModel::model, uid), Field(&Keyring::DeadModel::deleted, now),
                 Field(&Keyring::DeadModel::reclaimed, reclaimed));
  };
  EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(is(1, false), is(2, false), is(300, false)));
  ASSERT_THAT(keyring_->ReclaimedModels({1, 300, 77}), IsOk());
  ASSERT_THAT(keyring_->ReclaimedModels({}), IsOk());
  Reopen();
  EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(is(1, true), is(2, false), is(300, true)));
  ASSERT_THAT(keyring_->DestroyModelKeys(1, now), IsOk());
  EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(is(1, false), is(2, false), is(300, true)));
}

TEST_F(KeyringTest, GenerationsOnlyGrow) {
  Open();
  EXPECT_EQ(keyring_->Mark()->generation(), 0) << "it was not used yet";
  ASSERT_THAT(keyring_->BeginGeneration(), IsOk());
  EXPECT_EQ(keyring_->Mark()->generation(), 1);
  ASSERT_THAT(keyring_->DestroyModelKeys(1, absl::UnixEpoch()), IsOk());
  EXPECT_EQ(keyring_->Mark()->generation(), 2) << "a copy from before has the model's keys";
  const std::string deployment = keyring_->Mark()->deployment();
  Reopen();
  EXPECT_EQ(keyring_->Mark()->generation(), 2) << "whoever only looks changes nothing";
  EXPECT_EQ(keyring_->Mark()->deployment(), deployment);
}

}  // namespace
}  // namespace expunge
