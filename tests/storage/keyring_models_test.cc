// Models in the keyring: their numbers, and the death of all of a model's keys.

#include <set>
#include <thread>

#include "base/mutex.h"
#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
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
  ASSERT_THAT(keyring_->DestroyModelKeys(*given.rbegin()), IsOk());
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
    ASSERT_THAT(keyring_->DestroyModelKeys(1), IsOk());
    Reopen();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(KeyOf(1, SubjectNumber(i)), "");
    EXPECT_FALSE(HasCheckpointKey({1, 7}, 0, id));
    EXPECT_THAT(*keyring_->ListRekeys(), IsEmpty());
    EXPECT_EQ(KeyOf(2, SubjectNumber(1)), other);
    EXPECT_TRUE(HasCheckpointKey({2, 7}, 0, other_id));
    EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(1));
  }
}

TEST_F(KeyringTest, AModelIsDeadUntilItIsReclaimed) {
  Open();
  for (const ModelUid uid : {300, 2, 1}) ASSERT_THAT(keyring_->DestroyModelKeys(uid), IsOk());
  EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(1, 2, 300));
  ASSERT_THAT(keyring_->ReclaimedModels({1, 300, 77}), IsOk());
  ASSERT_THAT(keyring_->ReclaimedModels({}), IsOk());
  Reopen();
  EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(2));
}

}  // namespace
}  // namespace expunge
