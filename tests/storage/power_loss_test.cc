#include "rocksdb/env.h"
#include "storage/keyring.h"
#include "tests/storage/fixtures.h"
#include "tests/storage/keyring_fixture.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr ShardId kShard{1, 0};

class StorePowerLossTest : public testing::Test {
 protected:
  void LosePower() {
    files_->FailAfter(0, FaultyFileSystem::Fault::kIoError);
    store_.Close();
    files_->DropUnsynced();
    files_->Heal();
    store_.Open();
  }
  void Ingest() {
    ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1, 2, 3})}), IsOk());
  }

  const TempDir directory_;
  const std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  ReopenableStore store_{directory_ / "store", env_.get()};
};

TEST_F(StorePowerLossTest, IngestIsLostBeforeSyncAndNotAfter) {
  Ingest();
  LosePower();
  EXPECT_THAT(Contents(store_->View().get(), kShard), IsEmpty()) << "the control loses nothing";
  Ingest();
  ASSERT_THAT(store_->Sync(), IsOk());
  LosePower();
  EXPECT_THAT(Contents(store_->View().get(), kShard), SizeIs(1));
}

TEST_F(StorePowerLossTest, AnErasureIsNotLostNorWhatWasWrittenBeforeIt) {
  Ingest();
  ASSERT_THAT(store_->PutCheckpoint(kShard, 0, CheckpointWithSteps(1), std::string(100'000, 's')), IsOk());
  ASSERT_THAT(store_->PutCheckpoint(kShard, 1, CheckpointWithSteps(1), std::string(100'000, 's')), IsOk());
  ASSERT_THAT(store_->RecordErasure(ErasureOf(1, SubjectNumber(1), {{kShard, 1}}),
                                    {{Removal(kShard, SubjectNumber(1), {1, 2, 3})}}, {kEveryModel}),
              IsOk());
  LosePower();
  EXPECT_TRUE(store_->GetErasure(1)->has_value());
  EXPECT_TRUE(store_->FindErasure(UuidNumber(1))->has_value());
  EXPECT_THAT(*store_->View()->PendingErasures(kShard), SizeIs(1));
  EXPECT_TRUE(*store_->IsSuppressed(1, SubjectNumber(1)));
  EXPECT_THAT(Contents(store_->View().get(), kShard), IsEmpty());
  EXPECT_TRUE(store_->GetCheckpoint(kShard, 0)->has_value());
  EXPECT_TRUE(store_->GetCheckpointState(kShard, 0).ok());
  EXPECT_FALSE(store_->GetCheckpoint(kShard, 1)->has_value());
}

TEST_F(StorePowerLossTest, AnUpdateOfErasuresIsSyncedWhenAsked) {
  records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{kShard, 0}});
  ASSERT_THAT(store_->RecordErasure(erasure, {}, {}), IsOk());
  erasure.set_state(records::Erasure::COMPLETED);
  ASSERT_THAT(store_->UpdateErasures({&erasure, 1}, /*synced=*/false), IsOk());
  LosePower();
  EXPECT_EQ((*store_->GetErasure(1))->state(), records::Erasure::IN_PROGRESS);
  ASSERT_THAT(store_->UpdateErasures({&erasure, 1}, /*synced=*/true), IsOk());
  LosePower();
  EXPECT_EQ((*store_->GetErasure(1))->state(), records::Erasure::COMPLETED);
  EXPECT_THAT(*store_->View()->PendingErasures(kShard), IsEmpty());
}

TEST_F(StorePowerLossTest, ModelsAndTheirNumbersAreNotLost) {
  const auto uid = store_->NextModelUid();
  ASSERT_THAT(uid, IsOk());
  LosePower();
  EXPECT_GT(*store_->NextModelUid(), *uid);
  ASSERT_THAT(store_->PutModel(1, ModelNamed("m")), IsOk());
  LosePower();
  EXPECT_THAT(*store_->ListModels(), SizeIs(1));
  ASSERT_THAT(store_->DeleteModel(1), IsOk());
  LosePower();
  EXPECT_THAT(*store_->ListModels(), IsEmpty());
}

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
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), "") << "the control loses nothing";
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  const CheckpointKeyId id = CreateCheckpointKey(kShard, 0);
  ASSERT_THAT(keyring_->Sync(), IsOk());
  LosePower();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key);
  EXPECT_TRUE(HasCheckpointKey(kShard, 0, id));
}

TEST_F(KeyringPowerLossTest, ADestroyedKeyDoesNotComeBack) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const CheckpointKeyId first = CreateCheckpointKey(kShard, 0), second = CreateCheckpointKey(kShard, 1);
  ASSERT_THAT(keyring_->Sync(), IsOk());
  ASSERT_THAT(keyring_->Destroy({.subjects = {{1, SubjectNumber(1)}}, .checkpoints = {{kShard, 1}}}), IsOk());
  LosePower();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), "");
  EXPECT_TRUE(HasCheckpointKey(kShard, 0, first));
  EXPECT_FALSE(HasCheckpointKey(kShard, 1, second));
  ASSERT_THAT(keyring_->DestroyCheckpointKey(kShard, 0, first), IsOk());
  LosePower();
  EXPECT_FALSE(HasCheckpointKey(kShard, 0, first));
}

TEST_F(KeyringPowerLossTest, APurgeLosesNothing) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  CreateSubjectKey(1, SubjectNumber(2));
  ASSERT_THAT(keyring_->Destroy({.subjects = {{1, SubjectNumber(2)}}}), IsOk());
  ASSERT_THAT(keyring_->Purge(), IsOk());
  LosePower();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key);
  EXPECT_EQ(SubjectKey(1, SubjectNumber(2)), "");
}

}  // namespace
}  // namespace expunge
