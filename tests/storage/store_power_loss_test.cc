#include <atomic>

#include "rocksdb/env.h"
#include "tests/storage/fixtures.h"
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
  std::atomic<bool> never_ = false;
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

TEST_F(StorePowerLossTest, WhatLeavesIsLostBeforeSyncAndNotAfter) {
  Ingest();
  ASSERT_THAT(store_->PutCheckpoint(kShard, 0, CheckpointWithSteps(1), std::string(100'000, 's')), IsOk());
  ASSERT_THAT(store_->PutCheckpoint(kShard, 1, CheckpointWithSteps(1), std::string(100'000, 's')), IsOk());
  ASSERT_THAT(store_->Sync(), IsOk());
  ASSERT_THAT(store_->UpdateSubjects(1, {Removal(0, SubjectNumber(1), {1, 2, 3})}), IsOk());
  LosePower();
  EXPECT_THAT(Contents(store_->View().get(), kShard), SizeIs(1)) << "the control loses nothing";
  ASSERT_THAT(store_->UpdateSubjects(1, {Removal(0, SubjectNumber(1), {1, 2, 3})}), IsOk());
  ASSERT_THAT(store_->DeleteCheckpoints(kShard, 1), IsOk());
  ASSERT_THAT(store_->Sync(), IsOk());
  LosePower();
  EXPECT_THAT(Contents(store_->View().get(), kShard), IsEmpty());
  EXPECT_TRUE(store_->GetCheckpoint(kShard, 0)->has_value());
  EXPECT_TRUE(store_->GetCheckpointState(kShard, 0).ok());
  EXPECT_FALSE(store_->GetCheckpoint(kShard, 1)->has_value());
}

TEST_F(StorePowerLossTest, ModelsAreNotLost) {
  ASSERT_THAT(store_->PutModel(1, ModelNamed("m")), IsOk());
  LosePower();
  EXPECT_THAT(*store_->ListModels(), SizeIs(1));
  ASSERT_THAT(store_->DeleteModel(1), IsOk());
  LosePower();
  EXPECT_THAT(*store_->ListModels(), IsEmpty());
}

TEST_F(StorePowerLossTest, AReclaimLosesNothing) {
  Ingest();
  ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(2), {4})}), IsOk());
  ASSERT_THAT(store_->PutCheckpoint(kShard, 0, CheckpointWithSteps(1), std::string(100'000, 's')), IsOk());
  ASSERT_THAT(store_->UpdateSubjects(1, {Removal(0, SubjectNumber(1), {1, 2, 3})}), IsOk());
  ASSERT_THAT(store_->Reclaim({kShard}, {}, 0, &never_), IsOk());
  LosePower();
  const auto contents = Contents(store_->View().get(), kShard);
  EXPECT_THAT(contents, SizeIs(1));
  EXPECT_EQ(contents.count(SubjectNumber(2)), 1);
  EXPECT_EQ(store_->GetCheckpointState(kShard, 0)->size(), 100'000);
}

}  // namespace
}  // namespace expunge
