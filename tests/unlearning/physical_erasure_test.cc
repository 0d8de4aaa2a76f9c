// What an erasure leaves in the files, and when it says that nothing is left. Each search has its positive control.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "rocksdb/db.h"
#include "storage/keys.h"
#include "storage/rocks_options.h"
#include "storage/trace_search.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::HasSubstr;

class PhysicalErasureTest : public EngineTest {
 protected:
  // Bytes that a forgotten subject's files had.
  struct Traces {
    std::string pseudonym;
    std::string wrapped_key;
    std::string ciphertext;
    std::string checkpoint_key;
    std::string checkpoint;
  };

  void OpenTrained() {
    Open();
    model_ = CreateModel("m", SmallSpec(1, 2));
    IngestSubjects(*model_, 1, 40);
    TrainAll(*model_);
    ASSERT_THAT(engine_->store().Sync(), IsOk());
    ASSERT_THAT(engine_->keyring().Sync(), IsOk());
  }

  // The keyring as it lies on the disk. The engine may replace a file between the moments at which it is named and
  // read.
  void ReadKeyring(
      const std::function<bool(rocksdb::DB&, const std::vector<rocksdb::ColumnFamilyHandle*>&)>& read) const {
    for (bool done = false; !done;) {
      std::vector<rocksdb::ColumnFamilyHandle*> handles;
      rocksdb::DB* opened = nullptr;
      if (!rocksdb::DB::OpenForReadOnly(KeyringOptions(nullptr), options_.data_dir + "/keyring", KeyringFamilies(),
                                        &handles, &opened)
               .ok()) {
        continue;
      }
      const std::unique_ptr<rocksdb::DB> db(opened);
      done = read(*db, handles);
      for (rocksdb::ColumnFamilyHandle* handle : handles) EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    }
  }
  std::string KeyringRow(KeyringFamily family, const std::string& key) const {
    std::string value;
    ReadKeyring([&](rocksdb::DB& db, const auto& handles) {
      return db.Get(rocksdb::ReadOptions(), handles[family], key, &value).ok();
    });
    return value;
  }
  // The files with keys.
  std::set<std::string> KeyTables() const {
    std::set<std::string> names;
    ReadKeyring([&](rocksdb::DB& db, const auto& handles) {
      std::vector<rocksdb::LiveFileMetaData> files;
      db.GetLiveFilesMetaData(&files);
      for (const rocksdb::LiveFileMetaData& file : files) {
        const std::string& family = file.column_family_name;
        if (family == handles[kKeys]->GetName() || family == handles[kCheckpointKeys]->GetName())
          names.insert(file.name);
      }
      return true;
    });
    return names;
  }

  Traces TracesOf(int subject) {
    const ShardId shard = {model_->uid(), 0};
    const records::Subject row = *RowOf(*model_, subject);
    const uint32_t slice = row.samples(0).slice();
    const records::Checkpoint header = engine_->store().GetCheckpoint(shard, slice)->value();
    CheckpointKeyId id;
    std::copy(header.key_id().begin(), header.key_id().end(), id.begin());
    Traces traces;
    traces.pseudonym = AsBytes(PseudonymOf(subject)).substr(8);
    traces.wrapped_key = KeyringRow(kKeys, EncodeSubjectDataKeyKey(model_->uid(), PseudonymOf(subject))).substr(13);
    traces.ciphertext =
        *engine_->store().GetSample(shard, PseudonymOf(subject), SampleKeyFromBytes(row.samples(0).key()));
    traces.checkpoint_key = KeyringRow(kCheckpointKeys, EncodeCheckpointDataKeyKey(shard, slice, id)).substr(5);
    traces.checkpoint = engine_->store().GetCheckpointState(shard, slice)->substr(0, 64);
    return traces;
  }

  // Whether the bytes are in any file below `directory` of the data directory.
  bool IsIn(const std::string& directory, const std::string& bytes) {
    const auto set = PatternSet::Create({bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)});
    EXPECT_THAT(set, IsOk());
    const auto report = SearchForTraces(*set, options_.data_dir + directory);
    EXPECT_THAT(report, IsOk());
    return report->hit_count > 0;
  }

  // A file of the data directory with copies of the bytes; returns its path.
  std::string Write(const std::string& name, const std::string& bytes, int times = 1) {
    const std::string path = options_.data_dir + "/" + name;
    std::ofstream file(path);
    for (int i = 0; i < times; ++i) file << '.' << bytes;
    return path;
  }

  bool WaitForState(const records::Erasure& erasure, records::Erasure::State state) {
    return WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == state; });
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(PhysicalErasureTest, WhenCompletedTheKeysAreInNoFileAndWhenReclaimedNothingIs) {
  OpenTrained();
  const Traces traces = TracesOf(7);
  EXPECT_TRUE(IsIn("/keyring", traces.pseudonym));
  EXPECT_TRUE(IsIn("/store", traces.pseudonym));
  EXPECT_TRUE(IsIn("/keyring", traces.wrapped_key));
  EXPECT_TRUE(IsIn("/keyring", traces.checkpoint_key));
  EXPECT_TRUE(IsIn("/store", traces.ciphertext));
  EXPECT_TRUE(IsIn("/store", traces.checkpoint));

  const records::Erasure erasure = Forget(7);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_NE(Stored(erasure).shredded_time_micros(), 0);
  EXPECT_FALSE(IsIn("", traces.wrapped_key));
  EXPECT_FALSE(IsIn("", traces.checkpoint_key));
  EXPECT_FALSE(IsIn("/keyring", traces.pseudonym));
  EXPECT_TRUE(IsIn("/store", traces.ciphertext)) << "the control: it is still there, and nobody can read it";
  EXPECT_EQ(Stored(erasure).reclaimed_time_micros(), 0);

  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_NE(Stored(erasure).reclaimed_time_micros(), 0);
  EXPECT_FALSE(IsIn("", traces.pseudonym));
  EXPECT_FALSE(IsIn("", traces.ciphertext));
  EXPECT_FALSE(IsIn("", traces.checkpoint));
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 0) << "nothing is left to be reclaimed";
  EXPECT_TRUE(AnyoneKnows(*model_, 8));
  Reopen();
  model_ = FindModel("m");
  EXPECT_TRUE(AnyoneKnows(*model_, 8));
}

TEST_F(PhysicalErasureTest, ACopyThatIsLeftAnywhereInTheDirectoryHoldsTheErasureOpen) {
  OpenTrained();
  const std::string copy = options_.data_dir + "/left-behind";
  std::ofstream(copy) << "before " << KeyringRow(kKeys, EncodeSubjectDataKeyKey(model_->uid(), PseudonymOf(7)))
                      << " after";
  engine_clock_ = &clock_;
  const records::Erasure erasure = Forget(7);
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).retrained_time_micros() != 0; }));
  // The purger tries once a second; what it needs to find is there all the time.
  const auto purged = [&] { return Stored(erasure).purged_time_micros() != 0; };
  EXPECT_FALSE(WaitUntil(*engine_, *model_, purged, absl::Seconds(3)));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  std::filesystem::remove(copy);
  EXPECT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
}

TEST_F(PhysicalErasureTest, OneThatIsHeldOpenHoldsNoOtherOpen) {
  OpenTrained();
  const std::string copy =
      Write("left-behind", KeyringRow(kKeys, EncodeSubjectDataKeyKey(model_->uid(), PseudonymOf(7))));
  const records::Erasure held = Forget(7);
  for (int subject = 1; subject <= 6; ++subject) {
    const records::Erasure erasure = Forget(subject);
    ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED)) << subject;
  }
  EXPECT_EQ(Stored(held).purged_time_micros(), 0);
  std::filesystem::remove(copy);
  EXPECT_TRUE(WaitForState(held, records::Erasure::COMPLETED));
}

// The purge that took their range for granted may have been wrong.
TEST_F(PhysicalErasureTest, AfterTracesWereFoundThePurgeRewritesEverything) {
  OpenTrained();
  const std::string copy =
      Write("left-behind", KeyringRow(kKeys, EncodeSubjectDataKeyKey(model_->uid(), PseudonymOf(7))));
  const records::Erasure held = Forget(7);
  ASSERT_TRUE(WaitForState(Forget(8), records::Erasure::COMPLETED));
  const std::set<std::string> before = KeyTables();
  EXPECT_FALSE(before.empty());
  const auto all_are_new = [&] {
    const std::set<std::string> now = KeyTables();
    return std::none_of(before.begin(), before.end(), [&](const std::string& name) { return now.contains(name); });
  };
  EXPECT_TRUE(WaitUntil(*engine_, *model_, all_are_new));
  EXPECT_EQ(Stored(held).purged_time_micros(), 0);
}

TEST_F(PhysicalErasureTest, WhatIsStillToBeRetrainedIsReclaimed) {
  options_.retrain.retrain_delay = absl::Hours(100);
  OpenTrained();
  const Traces traces = TracesOf(7);
  const records::Erasure erasure = Forget(7);
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).purged_time_micros() != 0; }));
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_EQ(Stored(erasure).retrained_time_micros(), 0);
  EXPECT_FALSE(IsIn("", traces.ciphertext));
  EXPECT_FALSE(IsIn("", traces.checkpoint));
}

TEST_F(PhysicalErasureTest, ACiphertextThatIsLeftIsNotReclaimed) {
  OpenTrained();
  const std::string copy = options_.data_dir + "/left-behind";
  std::ofstream(copy) << TracesOf(7).ciphertext;
  const records::Erasure erasure = Forget(7);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED)) << "no key is in it";
  const auto reclaimed = engine_->reclaimer().ReclaimNow();
  EXPECT_THAT(reclaimed, Fails(absl::StatusCode::kInternal, "TRACES_FOUND"));
  EXPECT_THAT(std::string(reclaimed.status().message()), HasSubstr("left-behind"));
  EXPECT_EQ(Stored(erasure).reclaimed_time_micros(), 0);
  std::filesystem::remove(copy);
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
}

TEST_F(PhysicalErasureTest, OneThatIsNotReclaimedHoldsNoOtherBack) {
  OpenTrained();
  const auto deleted = CreateModel("deleted", SmallSpec(1, 1));
  ASSERT_THAT(engine_->unlearner().Delete(*deleted), IsOk());
  const std::string copy = Write("left-behind", TracesOf(7).ciphertext);
  const records::Erasure held = Forget(7), other = Forget(8);
  ASSERT_TRUE(WaitForState(held, records::Erasure::COMPLETED)) << "no key is in it";
  ASSERT_TRUE(WaitForState(other, records::Erasure::COMPLETED));
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto reclaimed = engine_->reclaimer().ReclaimNow();
    EXPECT_THAT(reclaimed, Fails(absl::StatusCode::kInternal, "TRACES_FOUND"));
    EXPECT_THAT(std::string(reclaimed.status().message()), HasSubstr("a ciphertext that must be gone is in"));
    EXPECT_EQ(Stored(held).reclaimed_time_micros(), 0);
    EXPECT_NE(Stored(other).reclaimed_time_micros(), 0);
  }
  EXPECT_FALSE(engine_->keyring().ListDeadModels()->front().reclaimed) << "the trace may be the model's";
  std::filesystem::remove(copy);
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_NE(Stored(held).reclaimed_time_micros(), 0);
  EXPECT_TRUE(engine_->keyring().ListDeadModels()->front().reclaimed);
}

TEST_F(PhysicalErasureTest, SamplesThatAreErasedAloneLeaveNothingAndTheOthersCanBeRead) {
  OpenTrained();
  const Traces traces = TracesOf(7);
  ForgetRequest request = RequestFor(7);
  const bool first = engine_->keyring().SampleKeyOf(SubjectName(7), "sample 0") ==
                     SampleKeyFromBytes(RowOf(*model_, 7)->samples(0).key());
  request.sample_ids = {first ? "sample 0" : "sample 1"};
  const records::Erasure erasure = engine_->unlearner().Forget(request)->erasure;
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_FALSE(IsIn("", traces.wrapped_key));
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_FALSE(IsIn("", traces.ciphertext));
  EXPECT_TRUE(IsIn("/store", traces.pseudonym)) << "the subject is still there";
  EXPECT_TRUE(AnyoneKnows(*model_, 7));
}

TEST_F(PhysicalErasureTest, AnySampleThatIsErasedAloneIsLookedFor) {
  OpenTrained();
  constexpr int kSamples = 100;
  std::vector<TestSample> samples;
  for (int number = 0; number <= kSamples; ++number) samples.push_back({500, number});
  Ingest(*model_, samples);
  const ShardId shard = {model_->uid(), 0};
  ForgetRequest request = RequestFor(500);
  std::vector<std::string> ciphertexts;
  for (int number = 0; number < kSamples; ++number) {
    request.sample_ids.push_back("sample " + std::to_string(number));
    const SampleKey key = engine_->keyring().SampleKeyOf(SubjectName(500), request.sample_ids.back());
    ciphertexts.push_back(*engine_->store().GetSample(shard, PseudonymOf(500), key));
  }
  const records::Erasure erasure = engine_->unlearner().Forget(request)->erasure;
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  for (const std::string& ciphertext : ciphertexts) {
    const std::string copy = Write("left-behind", ciphertext);
    EXPECT_THAT(engine_->reclaimer().ReclaimNow(), Fails(absl::StatusCode::kInternal, "TRACES_FOUND"));
    std::filesystem::remove(copy);
  }
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
}

TEST_F(PhysicalErasureTest, DirectoriesThatAreLinksAreSearched) {
  const TempDir elsewhere;
  std::filesystem::create_directories(options_.data_dir);
  for (const char* name : {"store", "keyring"}) {
    std::filesystem::create_directory(elsewhere / name);
    std::filesystem::create_directory_symlink(elsewhere / name, options_.data_dir + "/" + name);
  }
  OpenTrained();
  std::ofstream(elsewhere / "keyring/left-behind")
      << KeyringRow(kKeys, EncodeSubjectDataKeyKey(model_->uid(), PseudonymOf(7)));
  std::ofstream(elsewhere / "store/left-behind") << TracesOf(8).ciphertext;
  const records::Erasure first = Forget(7), second = Forget(8);
  ASSERT_TRUE(WaitForState(second, records::Erasure::COMPLETED));
  EXPECT_THAT(engine_->reclaimer().ReclaimNow(), Fails(absl::StatusCode::kInternal, "TRACES_FOUND"));
  std::filesystem::remove(elsewhere / "store/left-behind");
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_EQ(Stored(first).purged_time_micros(), 0);
  std::filesystem::remove(elsewhere / "keyring/left-behind");
  EXPECT_TRUE(WaitForState(first, records::Erasure::COMPLETED));
}

TEST_F(PhysicalErasureTest, NothingIsSaidToBeGoneWhileALinkLeadsElsewhere) {
  OpenTrained();
  const TempDir elsewhere;
  const records::Erasure erasure = Forget(7);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  const std::string link = options_.data_dir + "/archive";
  std::filesystem::create_directory_symlink(elsewhere.path(), link);
  const auto reclaimed = engine_->reclaimer().ReclaimNow();
  EXPECT_THAT(reclaimed, Fails(absl::StatusCode::kFailedPrecondition, "SEARCH_INCOMPLETE"));
  EXPECT_THAT(std::string(reclaimed.status().message()), HasSubstr("archive is a symbolic link"));
  EXPECT_EQ(Stored(erasure).reclaimed_time_micros(), 0);
  std::filesystem::remove(link);
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
}

TEST_F(PhysicalErasureTest, ASubjectThatCameBackDoesNotHoldItsErasureOpen) {
  OpenTrained();
  const Traces traces = TracesOf(7);
  const records::Erasure erasure = Forget(7);
  Ingest(*model_, {{7, 0}}, /*new_consent=*/true);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_FALSE(IsIn("", traces.wrapped_key));
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_FALSE(IsIn("", traces.ciphertext));
}

// The pseudonym of who came back may be anywhere, and often.
TEST_F(PhysicalErasureTest, WhatMayBeThereHidesNothingThatMustBeGone) {
  OpenTrained();
  Write("allowed", TracesOf(7).pseudonym, /*times=*/1000);
  const std::string copy = Write("left-behind", TracesOf(8).ciphertext);  // is searched after it
  const records::Erasure first = Forget(7), second = Forget(8);
  Ingest(*model_, {{7, 0}}, /*new_consent=*/true);
  ASSERT_TRUE(WaitForState(first, records::Erasure::COMPLETED));
  ASSERT_TRUE(WaitForState(second, records::Erasure::COMPLETED));
  const auto reclaimed = engine_->reclaimer().ReclaimNow();
  EXPECT_THAT(reclaimed, Fails(absl::StatusCode::kInternal, "TRACES_FOUND"));
  EXPECT_THAT(std::string(reclaimed.status().message()), HasSubstr("left-behind"));
  EXPECT_NE(Stored(first).reclaimed_time_micros(), 0);
  EXPECT_EQ(Stored(second).reclaimed_time_micros(), 0);
  std::filesystem::remove(copy);
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
}

// More places than a search keeps, of a subject that has a newer erasure.
TEST_F(PhysicalErasureTest, ASubjectThatIsForgottenTwiceIsHeldOpenByWhatIsLeftOfIt) {
  OpenTrained();
  const std::string copy = Write("left-behind", TracesOf(7).pseudonym, /*times=*/1000);
  const records::Erasure first = Forget(7);
  Ingest(*model_, {{7, 0}}, /*new_consent=*/true);
  const records::Erasure second = Forget(7);
  ASSERT_TRUE(WaitForState(first, records::Erasure::COMPLETED));
  ASSERT_TRUE(WaitForState(second, records::Erasure::COMPLETED)) << "no key is in it";
  EXPECT_THAT(engine_->reclaimer().ReclaimNow(), Fails(absl::StatusCode::kInternal, "TRACES_FOUND"));
  EXPECT_NE(Stored(first).reclaimed_time_micros(), 0) << "the newer one answers for the pseudonym";
  EXPECT_EQ(Stored(second).reclaimed_time_micros(), 0);
  std::filesystem::remove(copy);
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
}

TEST_F(PhysicalErasureTest, AKeyWithoutSamplesLeavesToo) {
  OpenTrained();
  const SubjectKey key = SubjectKey::Random();
  const Keyring::Admission admission = {.subject = PseudonymOf(500), .new_key = &key};
  ASSERT_THAT(engine_->keyring().AdmitSubjects(model_->uid(), {&admission, 1}), IsOk());
  const std::string pseudonym(AsBytes(PseudonymOf(500)).substr(8));
  EXPECT_TRUE(IsIn("/keyring", pseudonym)) << "the control: an ingest was cut short after the key";
  const records::Erasure erasure = Forget(500);
  EXPECT_EQ(erasure.samples_erased(), 0);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_FALSE(IsIn("/keyring", pseudonym));
}

TEST_F(PhysicalErasureTest, ReclaimComesByItselfBeforeItsThreshold) {
  options_.reclaim.delete_persistence_threshold = absl::Hours(4);
  OpenTrained();
  const records::Erasure erasure = Forget(7);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  clock_.Advance(absl::Hours(3));
  Reopen();  // it looks at the clock when it begins
  model_ = FindModel("m");
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).reclaimed_time_micros() != 0; }));
}

TEST_F(PhysicalErasureTest, OneThatIsNotPurgedDoesNotHoldUpTheOthers) {
  options_.reclaim.delete_persistence_threshold = absl::Hours(4);
  OpenTrained();
  records::Erasure stuck = Forget(7);
  ASSERT_TRUE(WaitForState(stuck, records::Erasure::COMPLETED));
  stuck = Stored(stuck);
  stuck.clear_purged_time_micros();
  ASSERT_THAT(engine_->keyring().erasures().Update({&stuck, 1}, /*synced=*/true), IsOk());
  const records::Erasure erasure = Forget(8);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  clock_.Advance(absl::Hours(3));
  Reopen();
  model_ = FindModel("m");
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).reclaimed_time_micros() != 0; }));
  EXPECT_EQ(Stored(stuck).reclaimed_time_micros(), 0) << "the control";
}

TEST_F(PhysicalErasureTest, ADeletedModelIsReclaimedByItself) {
  options_.reclaim.delete_persistence_threshold = absl::Hours(4);
  OpenTrained();
  const Traces traces = TracesOf(7);
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  clock_.Advance(absl::Hours(2));
  // Not due yet; it goes with the model, and says when.
  model_ = CreateModel("n", SmallSpec(1, 2));
  IngestSubjects(*model_, 1, 10);
  TrainAll(*model_);
  const records::Erasure erasure = Forget(3);
  ASSERT_TRUE(WaitForState(erasure, records::Erasure::COMPLETED));
  EXPECT_TRUE(IsIn("/store", traces.ciphertext)) << "the control";
  clock_.Advance(absl::Hours(1));
  Reopen();
  model_ = FindModel("n");
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).reclaimed_time_micros() != 0; }));
  EXPECT_FALSE(IsIn("/store", traces.ciphertext));
}

TEST_F(PhysicalErasureTest, AModelIsNotReclaimedBeforeItsDeletionIsFinished) {
  OpenTrained();
  ASSERT_THAT(engine_->keyring().DestroyModelKeys(model_->uid(), clock_.Now()), IsOk());
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  EXPECT_EQ(engine_->store().ListModels()->size(), 1u);
  EXPECT_FALSE(engine_->keyring().ListDeadModels()->front().reclaimed);
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  EXPECT_TRUE(engine_->keyring().ListDeadModels()->front().reclaimed);
}

TEST_F(PhysicalErasureTest, ADeletedModelIsReclaimedToo) {
  OpenTrained();
  const Traces traces = TracesOf(7);
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  EXPECT_TRUE(IsIn("/store", traces.ciphertext)) << "the control";
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  EXPECT_FALSE(IsIn("/store", traces.ciphertext));
  EXPECT_FALSE(IsIn("/store", traces.checkpoint));
}

}  // namespace
}  // namespace expunge
