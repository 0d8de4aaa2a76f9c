#include <tuple>

#include "rocksdb/env.h"
#include "tests/storage/fixtures.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using Fault = FaultyFileSystem::Fault;

constexpr ShardId kShard{1, 0};

class DiskFullTest : public testing::Test {
 protected:
  // One subject with samples 1 to 3, a checkpoint in each of two slices.
  static void Populate(Store* store) {
    ASSERT_THAT(store->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1, 2, 3})}), IsOk());
    for (const uint32_t slice : {0, 1}) {
      ASSERT_THAT(store->PutCheckpoint(kShard, slice, CheckpointWithSteps(1), std::string(10'000, 's')), IsOk());
    }
    ASSERT_THAT(store->Sync(), IsOk());
  }
  // What an erasure leaves of the subject: the first sample, sealed anew.
  static absl::Status Remove(Store* store) {
    SubjectUpdate update = Update(0, SubjectNumber(1), {1});
    update.added[0].sealed = "sealed anew";
    update.removed = {SampleNumber(2), SampleNumber(3)};
    return store->UpdateSubjects(1, {&update, 1});
  }
  // Whether that was written; expects that it was as a whole or not at all.
  static bool Removed(Store* store) {
    const auto row = store->GetSubject(kShard, SubjectNumber(1));
    EXPECT_THAT(row, IsOk());
    const bool removed = (*row)->samples_size() == 1;
    const auto samples = Contents(store->View().get(), kShard)[SubjectNumber(1)];
    EXPECT_EQ(samples.size(), removed ? 1 : 3);
    EXPECT_EQ(samples.at(SampleNumber(1)), removed ? "sealed anew" : "sealed 1");
    return removed;
  }

  const TempDir directory_;
  const std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
};

TEST_F(DiskFullTest, AnUpdateThatFailsAtAnyWriteIsWholeOrAbsent) {
  for (const auto& [fault, code, reason] :
       {std::tuple(Fault::kNoSpace, absl::StatusCode::kResourceExhausted, "DISK_FULL"),
        std::tuple(Fault::kIoError, absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE")}) {
    bool reached_every_write = false;
    for (int writes = 0; !reached_every_write; ++writes) {
      SCOPED_TRACE(std::string(reason) + " after " + std::to_string(writes));
      const TempDir directory;
      ReopenableStore store(directory / "store", env_.get());
      Populate(store.get());
      files_->FailAfter(writes, fault);
      absl::Status removed = Remove(store.get());
      if (removed.ok()) removed = store->Sync();
      reached_every_write = !files_->failed();
      EXPECT_EQ(removed.ok(), reached_every_write);
      if (!removed.ok()) {
        EXPECT_THAT(removed, Fails(code, reason));
        EXPECT_THAT(store->Sync(), Fails(code, reason)) << "the device fails still";
      }
      files_->FailAfter(0, fault);
      store.Close();
      files_->DropUnsynced();  // the power is lost as well
      files_->Heal();
      store.Open();
      EXPECT_TRUE(Removed(store.get()) || !removed.ok());
      EXPECT_THAT(Remove(store.get()), IsOk());
      EXPECT_TRUE(Removed(store.get()));
      store.Reopen();
      EXPECT_TRUE(Removed(store.get()));
    }
  }
}

TEST_F(DiskFullTest, AnIngestThatFailsIsAbsentAndTheStoreGoesOnAfterAReopen) {
  ReopenableStore store(directory_ / "store", env_.get());
  Populate(store.get());
  files_->FailAfter(0, Fault::kNoSpace);
  const std::vector<SubjectUpdate> more = {Update(0, SubjectNumber(2), {4, 5}), Update(0, SubjectNumber(3), {6})};
  EXPECT_THAT(store->ApplyIngest(1, ModelNamed("renewed"), more),
              Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(store->PutCheckpoint(kShard, 2, CheckpointWithSteps(2), "state"),
              Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(store->PutModel(2, ModelNamed("second")), Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  EXPECT_EQ(Contents(store->View().get(), kShard).size(), 1);
  files_->Heal();
  const absl::Status closed = store->PutModel(2, ModelNamed("second"));
  EXPECT_THAT(closed, Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL")) << "the device has space again";
  EXPECT_THAT(std::string(closed.message()), testing::HasSubstr("No write is taken until you restart the server"));
  store.Reopen();
  EXPECT_EQ(Contents(store->View().get(), kShard).size(), 1);
  EXPECT_EQ(store->ListModels()->front().second.name(), "m");
  EXPECT_FALSE(store->GetCheckpoint(kShard, 2)->has_value());
  EXPECT_THAT(store->ApplyIngest(1, ModelNamed("renewed"), more), IsOk());
  store.Reopen();
  EXPECT_EQ(Contents(store->View().get(), kShard).size(), 3);
}

TEST_F(DiskFullTest, TheReserveIsKeptForErasures) {
  files_->SetFreeSpace(1 << 20);
  ReopenableStore store(directory_ / "store", env_.get(), /*reserved_free_bytes=*/1 << 20);
  const auto full = Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL");
  EXPECT_THAT(store->PutModel(1, ModelNamed("m")), full);
  EXPECT_THAT(store->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1})}), full);
  EXPECT_THAT(store->PutCheckpoint(kShard, 0, CheckpointWithSteps(1), "state"), full);
  EXPECT_THAT(store->ListModels(), IsOk());
  EXPECT_TRUE(store->ListModels()->empty());

  files_->SetFreeSpace(2 << 20);
  Populate(store.get());
  files_->SetFreeSpace(0);
  EXPECT_THAT(Remove(store.get()), IsOk());
  EXPECT_THAT(store->DeleteCheckpoints(kShard, 1), IsOk());
  EXPECT_TRUE(Removed(store.get()));
  records::Model deleting = ModelNamed("m");
  deleting.set_deleting(true);
  EXPECT_THAT(store->PutModel(1, deleting), IsOk());
  EXPECT_THAT(store->DeleteModel(1), IsOk());
}

TEST_F(DiskFullTest, TheReserveIsCheckedAgainAsDataGrows) {
  constexpr uint64_t kReserve = 64 << 20;
  files_->SetFreeSpace(kReserve + (8 << 20));
  ReopenableStore store(directory_ / "store", env_.get(), kReserve);
  const std::string state(1 << 20, 's');
  int admitted = 0;
  // The device never says less than at first; what was admitted since then counts all the same.
  while (admitted < 100 && store->PutCheckpoint(kShard, admitted, CheckpointWithSteps(1), state).ok()) {
    if (++admitted == 5) files_->SetFreeSpace(kReserve);
  }
  EXPECT_GE(admitted, 5);
  EXPECT_LE(admitted, 8);
  files_->SetFreeSpace(uint64_t{1} << 40);
  EXPECT_THAT(store->PutCheckpoint(kShard, admitted, CheckpointWithSteps(1), state), IsOk());
}

}  // namespace
}  // namespace expunge
