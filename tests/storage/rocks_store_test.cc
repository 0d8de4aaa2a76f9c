#include "storage/rocks_store.h"

#include <thread>

#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RocksStoreTest : public testing::Test {
 protected:
  std::vector<std::string> ModelNames() {
    const auto models = store_->ListModels();
    EXPECT_THAT(models, IsOk());
    std::vector<std::string> names;
    for (const auto& [uid, model] : *models) names.push_back(std::to_string(uid) + " " + model.name());
    return names;
  }
  bool HasCheckpoint(ShardId shard, uint32_t slice) {
    const auto checkpoint = store_->GetCheckpoint(shard, slice);
    EXPECT_THAT(checkpoint, IsOk());
    const auto state = store_->GetCheckpointState(shard, slice);
    EXPECT_EQ(state.ok(), checkpoint->has_value());
    if (!state.ok()) {
      EXPECT_EQ(state.status().code(), absl::StatusCode::kNotFound);
    }
    return checkpoint->has_value();
  }

  const TempDir directory_;
  ReopenableStore store_{directory_ / "store"};
};

TEST_F(RocksStoreTest, ModelsAreListedInTheOrderOfTheirNumbers) {
  ASSERT_THAT(store_->PutModel(256, ModelNamed("c")), IsOk());
  ASSERT_THAT(store_->PutModel(1, ModelNamed("a")), IsOk());
  ASSERT_THAT(store_->PutModel(255, ModelNamed("b")), IsOk());
  ASSERT_THAT(store_->PutModel(1, ModelNamed("renewed")), IsOk());
  store_.Reopen();
  EXPECT_THAT(ModelNames(), ElementsAre("1 renewed", "255 b", "256 c"));
}

TEST_F(RocksStoreTest, IngestIsReadBackByShardInKeyOrder) {
  const std::vector<SubjectUpdate> updates = {Update(0, SubjectNumber(1), {2, 1}), Update(0, SubjectNumber(2), {3}),
                                              Update(1, SubjectNumber(3), {4, 5, 6})};
  records::Model model = ModelNamed("m");
  model.set_ingest_batch(9);
  ASSERT_THAT(store_->ApplyIngest(1, model, updates), IsOk());
  ASSERT_THAT(store_->ApplyIngest(2, ModelNamed("other"), {Update(0, SubjectNumber(1), {7})}), IsOk());
  store_.Reopen();

  const auto row = store_->GetSubject({1, 0}, SubjectNumber(1));
  ASSERT_THAT(row, IsOk());
  ASSERT_TRUE(row->has_value());
  EXPECT_EQ((*row)->DebugString(), updates[0].row.DebugString());
  EXPECT_FALSE(store_->GetSubject({1, 1}, SubjectNumber(1))->has_value());
  EXPECT_EQ(store_->ListModels()->front().second.ingest_batch(), 9);

  const std::unique_ptr<StoreView> view = store_->View();
  const auto shard = Contents(view.get(), {1, 0});
  ASSERT_THAT(shard, SizeIs(2));
  EXPECT_EQ(shard.at(SubjectNumber(1)).at(SampleNumber(1)), "sealed 1");
  EXPECT_EQ(shard.at(SubjectNumber(1)).at(SampleNumber(2)), "sealed 2");
  EXPECT_EQ(shard.at(SubjectNumber(2)).at(SampleNumber(3)), "sealed 3");
  EXPECT_THAT(Contents(view.get(), {1, 1}).at(SubjectNumber(3)), SizeIs(3));
  EXPECT_THAT(Contents(view.get(), {1, 2}), IsEmpty());

  std::vector<Pseudonym> subjects;
  std::vector<std::pair<Pseudonym, SampleKey>> samples;
  ASSERT_THAT(view->ScanSubjects({1, 0},
                                 [&](const Pseudonym& subject, const records::Subject&) {
                                   subjects.push_back(subject);
                                   return absl::OkStatus();
                                 }),
              IsOk());
  ASSERT_THAT(view->ScanSamples({1, 0},
                                [&](const Pseudonym& subject, const SampleKey& sample, std::string_view) {
                                  samples.emplace_back(subject, sample);
                                  return absl::OkStatus();
                                }),
              IsOk());
  EXPECT_TRUE(std::is_sorted(subjects.begin(), subjects.end()));
  EXPECT_TRUE(std::is_sorted(samples.begin(), samples.end()));
}

TEST_F(RocksStoreTest, WhatLeavesIsGoneAndTheRestStays) {
  const Pseudonym gone = SubjectNumber(1), smaller = SubjectNumber(2), kept = SubjectNumber(3);
  for (const ModelUid uid : {1u, 2u}) {
    ASSERT_THAT(store_->ApplyIngest(uid, ModelNamed("m"),
                                    {Update(4, gone, {1, 2, 3}), Update(4, smaller, {4, 5, 6}), Update(4, kept, {7})}),
                IsOk());
  }
  SubjectUpdate fewer = Update(4, smaller, {5});
  fewer.row.set_key_id(std::string(AsBytes(KeyIdNumber(2))));
  fewer.added[0].sealed = "sealed anew";
  fewer.removed = {SampleNumber(4), SampleNumber(6)};
  ASSERT_THAT(store_->UpdateSubjects(1, {Removal(4, gone, {1, 2, 3}), fewer}), IsOk());
  ASSERT_THAT(store_->UpdateSubjects(1, {}), IsOk());
  store_.Reopen();

  EXPECT_FALSE(store_->GetSubject({1, 4}, gone)->has_value());
  EXPECT_EQ(store_->GetSubject({1, 4}, smaller)->value().DebugString(), fewer.row.DebugString());
  const auto contents = Contents(store_->View().get(), {1, 4});
  ASSERT_THAT(contents, SizeIs(2));
  EXPECT_THAT(contents.at(smaller), ElementsAre(testing::Pair(SampleNumber(5), "sealed anew")));
  EXPECT_THAT(contents.at(kept), SizeIs(1));
  EXPECT_THAT(Contents(store_->View().get(), {2, 4}), SizeIs(3));
  EXPECT_THAT(store_->UpdateSubjects(1, {Removal(4, gone, {1, 2, 3})}), IsOk());
}

TEST_F(RocksStoreTest, ASampleIsReadByItsKey) {
  ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1, 2})}), IsOk());
  store_.Reopen();
  EXPECT_EQ(*store_->GetSample({1, 0}, SubjectNumber(1), SampleNumber(2)), "sealed 2");
  for (const auto& missing : {store_->GetSample({1, 0}, SubjectNumber(1), SampleNumber(3)),
                              store_->GetSample({1, 0}, SubjectNumber(2), SampleNumber(2)),
                              store_->GetSample({1, 1}, SubjectNumber(1), SampleNumber(2)),
                              store_->GetSample({2, 0}, SubjectNumber(1), SampleNumber(2))}) {
    EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  }
}

TEST_F(RocksStoreTest, TheManifestHoldsNoTextOfCallers) {
  // RocksDB copies keys into it.
  ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("model-name"), {Update(0, SubjectNumber(1), {1})}), IsOk());
  store_.Reopen();
  const std::vector<std::string> files = FilesWith(directory_.path(), "model-name");
  EXPECT_THAT(files, testing::Not(IsEmpty())) << "the control finds nothing";
  EXPECT_THAT(files, testing::Not(testing::Contains(testing::StartsWith("MANIFEST"))));
}

TEST_F(RocksStoreTest, CheckpointsComeBackWithTheirState) {
  const std::string large(300'000, 's');
  ASSERT_THAT(store_->PutCheckpoint({1, 2}, 3, CheckpointWithSteps(7), large), IsOk());
  ASSERT_THAT(store_->PutCheckpoint({1, 2}, 4, CheckpointWithSteps(8), "small"), IsOk());
  store_.Reopen();
  EXPECT_EQ((*store_->GetCheckpoint({1, 2}, 3))->steps(), 7);
  EXPECT_EQ(*store_->GetCheckpointState({1, 2}, 3), large);
  EXPECT_EQ(*store_->GetCheckpointState({1, 2}, 4), "small");
  EXPECT_FALSE(HasCheckpoint({1, 2}, 5));
  ASSERT_THAT(store_->PutCheckpoint({1, 2}, 3, CheckpointWithSteps(9), "replaced"), IsOk());
  EXPECT_EQ((*store_->GetCheckpoint({1, 2}, 3))->steps(), 9);
  EXPECT_EQ(*store_->GetCheckpointState({1, 2}, 3), "replaced");
}

TEST_F(RocksStoreTest, CheckpointsFromASliceOnAreDeletedAlsoAcrossGaps) {
  for (const uint32_t slice : {0u, 1u, 2u, 5u, 255u}) {
    ASSERT_THAT(store_->PutCheckpoint({1, 0}, slice, CheckpointWithSteps(1), std::string(10'000, 's')), IsOk());
    ASSERT_THAT(store_->PutCheckpoint({1, 1}, slice, CheckpointWithSteps(1), "state"), IsOk());
  }
  ASSERT_THAT(store_->DeleteCheckpoints({1, 0}, 2), IsOk());
  store_.Reopen();
  for (const uint32_t slice : {0u, 1u, 2u, 5u, 255u}) {
    EXPECT_EQ(HasCheckpoint({1, 0}, slice), slice < 2);
    EXPECT_TRUE(HasCheckpoint({1, 1}, slice));
  }
  EXPECT_THAT(store_->DeleteCheckpoints({1, 0}, 2), IsOk());
  EXPECT_THAT(store_->DeleteCheckpoints({7, 7}, 0), IsOk());
}

TEST_F(RocksStoreTest, DeletingAModelTakesItsRowsAndNoOthers) {
  for (const ModelUid uid : {1u, 2u}) {
    ASSERT_THAT(store_->ApplyIngest(uid, ModelNamed("m"), {Update(3, SubjectNumber(1), {1, 2})}), IsOk());
    ASSERT_THAT(store_->PutCheckpoint({uid, 3}, 0, CheckpointWithSteps(1), std::string(10'000, 's')), IsOk());
  }
  ASSERT_THAT(store_->DeleteModel(1), IsOk());
  store_.Reopen();
  EXPECT_THAT(ModelNames(), ElementsAre("2 m"));
  EXPECT_FALSE(store_->GetSubject({1, 3}, SubjectNumber(1))->has_value());
  EXPECT_FALSE(HasCheckpoint({1, 3}, 0));
  EXPECT_THAT(Contents(store_->View().get(), {1, 3}), IsEmpty());
  EXPECT_TRUE(HasCheckpoint({2, 3}, 0));
  EXPECT_THAT(Contents(store_->View().get(), {2, 3}), SizeIs(1));
}

TEST_F(RocksStoreTest, SyncReturnsWithIngestOnTheDevice) {
  ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1})}), IsOk());
  EXPECT_THAT(store_->Sync(), IsOk());
}

TEST_F(RocksStoreTest, WritersOfManyThreadsLoseNothing) {
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_THAT(store_->ApplyIngest(t + 1, ModelNamed("m"), {Update(0, SubjectNumber(i), {i, i + 1})}), IsOk());
        if (i % 10 == 0) {
          EXPECT_THAT(store_->Sync(), IsOk());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store_.Reopen();
  for (uint32_t t = 0; t < 4; ++t) EXPECT_THAT(Contents(store_->View().get(), {t + 1, 0}), SizeIs(50));
}

TEST_F(RocksStoreTest, TheMarkOfTheKeyringNeverGoesBack) {
  EXPECT_FALSE(store_->GetKeyringMark().has_value());
  records::KeyringMark mark;
  mark.set_deployment("ours");
  mark.set_generation(5);
  mark.set_newest_erasure(9);
  ASSERT_THAT(store_->RaiseKeyringMark(mark), IsOk());
  const auto expect = [this](uint64_t generation, uint64_t erasure) {
    const auto seen = store_->GetKeyringMark();
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->deployment(), "ours");
    EXPECT_EQ(seen->generation(), generation);
    EXPECT_EQ(seen->newest_erasure(), erasure);
  };
  for (int repeat = 0; repeat < 2; ++repeat) {
    store_.Reopen();
    expect(5, 9);
    ASSERT_THAT(store_->UpdateSubjects(1, {}, /*erasure=*/3), IsOk());  // a re-keying that was interrupted long ago
    mark.set_deployment("theirs");
    mark.set_generation(4);
    mark.set_newest_erasure(2);
    ASSERT_THAT(store_->RaiseKeyringMark(mark), IsOk());
    expect(5, 9);
  }
  ASSERT_THAT(store_->UpdateSubjects(1, {}, /*erasure=*/12), IsOk());
  store_.Reopen();
  expect(5, 12);
}

TEST_F(RocksStoreTest, TheMarkIsThatOfTheNewestErasureHoweverTheyComeIn) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 100; i > 0; --i) EXPECT_THAT(store_->UpdateSubjects(1, {}, i * 4 - t), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  store_.Reopen();
  EXPECT_EQ(store_->GetKeyringMark()->newest_erasure(), 400);
}

TEST_F(RocksStoreTest, ARestoreIsRememberedUntilEverythingIsReclaimed) {
  EXPECT_EQ(*store_->GetRestoreTime(), std::nullopt);
  ASSERT_THAT(store_->SetRestored(absl::FromUnixMicros(7)), IsOk());
  std::atomic<bool> cancel = false;
  ASSERT_THAT(store_->Reclaim({}, {1}, 0, &cancel), IsOk());
  store_.Reopen();
  EXPECT_EQ(*store_->GetRestoreTime(), absl::FromUnixMicros(7));
  ASSERT_THAT(store_->ReclaimEverything(0, &cancel), IsOk());
  store_.Reopen();
  EXPECT_EQ(*store_->GetRestoreTime(), std::nullopt);
}

}  // namespace
}  // namespace expunge
