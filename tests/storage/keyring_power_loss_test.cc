#include "rocksdb/env.h"
#include "tests/storage/keyring_fixture.h"
#include "tests/testing/faulty_file_system.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ShardId kShard{1, 0};

class KeyringPowerLossTest : public KeyringTest {
 protected:
  KeyringPowerLossTest() { env_ = faulty_env_.get(); }
  ~KeyringPowerLossTest() override { Close(); }

  void LosePower() {
    files_->FailAfter(0, FaultyFileSystem::Fault::kIoError);
    Close();
    files_->DropUnsynced();
    files_->Heal();
    Open();
  }

  const std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> faulty_env_ = rocksdb::NewCompositeEnv(files_);
};

TEST_F(KeyringPowerLossTest, ThePepperOfANewKeyringIsNotLost) {
  Open();
  const Pseudonym pseudonym = keyring_->PseudonymOf("person");
  LosePower();
  EXPECT_EQ(keyring_->PseudonymOf("person"), pseudonym);
}

TEST_F(KeyringPowerLossTest, NewKeysAreLostBeforeSyncAndNotAfter) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  LosePower();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), "") << "the control loses nothing";
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  const CheckpointKeyId id = CreateCheckpointKey(kShard, 0);
  ASSERT_THAT(keyring_->Sync(), IsOk());
  LosePower();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key);
  EXPECT_TRUE(HasCheckpointKey(kShard, 0, id));
}

TEST_F(KeyringPowerLossTest, AnErasureIsNotLostNorWhatWasWrittenBeforeIt) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const std::string before = CreateSubjectKey(1, SubjectNumber(2));
  const CheckpointKeyId first = CreateCheckpointKey(kShard, 0), second = CreateCheckpointKey(kShard, 1);
  const records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{kShard, 1}});
  Keyring::ErasureWrite write;
  write.erasure = &erasure;
  write.subject = SubjectNumber(1);
  write.forgotten_in = {1};
  write.checkpoints = {{kShard, 1}};
  write.suppress_in = {kEveryModel};
  ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  LosePower();
  EXPECT_TRUE(keyring_->erasures().Get(1)->has_value());
  EXPECT_TRUE(keyring_->erasures().Find(UuidNumber(1))->has_value());
  EXPECT_THAT(*keyring_->erasures().PendingIn(kShard), SizeIs(1));
  EXPECT_TRUE(keyring_->GetSuppression(1, SubjectNumber(1))->subject);
  EXPECT_TRUE(keyring_->GetTraces(1)->has_value());
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), "");
  EXPECT_EQ(KeyOf(1, SubjectNumber(2)), before);
  EXPECT_TRUE(HasCheckpointKey(kShard, 0, first));
  EXPECT_FALSE(HasCheckpointKey(kShard, 1, second));
}

TEST_F(KeyringPowerLossTest, ANewKeyAndTheOldOneOfARekeyAreNotLost) {
  Open();
  const std::string old_key = CreateSubjectKey(1, SubjectNumber(1));
  const std::string new_key = ForgetSamples(kShard, SubjectNumber(1), {SampleNumber(1)});
  LosePower();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), new_key);
  const auto rekey = keyring_->GetRekey(1, SubjectNumber(1));
  ASSERT_TRUE(rekey->has_value());
  EXPECT_EQ((*rekey)->old_key.key.bytes(), old_key);
  ASSERT_THAT(keyring_->FinishRekey(1, SubjectNumber(1)), IsOk());
  LosePower();
  EXPECT_FALSE(keyring_->GetRekey(1, SubjectNumber(1))->has_value());
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), new_key);
}

TEST_F(KeyringPowerLossTest, AnUpdateOfErasuresIsSyncedWhenAsked) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  ASSERT_THAT(Forget(SubjectNumber(1), {1}), IsOk());
  records::Erasure erasure = **keyring_->erasures().Get(1);
  erasure.set_state(records::Erasure::COMPLETED);
  ASSERT_THAT(keyring_->erasures().Update({&erasure, 1}, /*synced=*/false, {1}), IsOk());
  LosePower();
  EXPECT_EQ((*keyring_->erasures().Get(1))->state(), records::Erasure::IN_PROGRESS);
  EXPECT_THAT(*keyring_->ListTraces(0, 9), ElementsAre(1));
  ASSERT_THAT(keyring_->erasures().Update({&erasure, 1}, /*synced=*/true, {1}), IsOk());
  LosePower();
  EXPECT_EQ((*keyring_->erasures().Get(1))->state(), records::Erasure::COMPLETED);
  EXPECT_THAT(*keyring_->ListTraces(0, 9), IsEmpty());
}

TEST_F(KeyringPowerLossTest, ADestroyedKeyDoesNotComeBack) {
  Open();
  CreateSubjectKey(2, SubjectNumber(1));
  const CheckpointKeyId first = CreateCheckpointKey(kShard, 0), second = CreateCheckpointKey(kShard, 1);
  ASSERT_THAT(keyring_->Sync(), IsOk());
  ASSERT_THAT(keyring_->DestroyCheckpointKeys({kShard, 1}), IsOk());
  LosePower();
  EXPECT_TRUE(HasCheckpointKey(kShard, 0, first));
  EXPECT_FALSE(HasCheckpointKey(kShard, 1, second));
  EXPECT_NE(KeyOf(2, SubjectNumber(1)), "");
  ASSERT_THAT(keyring_->DestroyModelKeys(2, absl::UnixEpoch()), IsOk());
  LosePower();
  EXPECT_EQ(KeyOf(2, SubjectNumber(1)), "");
  EXPECT_THAT(*keyring_->ListDeadModels(), ElementsAre(testing::Field(&Keyring::DeadModel::model, 2)));
}

TEST_F(KeyringPowerLossTest, AModelNumberIsNotGivenAgain) {
  Open();
  const ModelUid uid = *keyring_->NextModelUid();
  LosePower();
  EXPECT_GT(*keyring_->NextModelUid(), uid);
}

TEST_F(KeyringPowerLossTest, APurgeLosesNothing) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  CreateSubjectKey(1, SubjectNumber(2));
  ASSERT_THAT(Forget(SubjectNumber(2), {1}), IsOk());
  ASSERT_THAT(keyring_->Purge(), IsOk());
  LosePower();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key);
  EXPECT_EQ(KeyOf(1, SubjectNumber(2)), "");
  EXPECT_TRUE(keyring_->erasures().Get(1)->has_value());
}

}  // namespace
}  // namespace expunge
