#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "storage/keys.h"
#include "storage/rocks_options.h"
#include "tests/testing/engine_fixture.h"
#include "tests/testing/hard_link.h"

namespace expunge {
namespace {

// The operating system's files, where the keyring waits for a new table, or gets none, while told so. Thread-safe.
class KeyringTables : public rocksdb::FileSystemWrapper {
 public:
  enum class Mode { kFree, kHeld, kRefused };

  KeyringTables() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  void Set(Mode mode) {
    MutexLock lock(&mutex_);
    mode_ = mode;
    changed_.SignalAll();
  }
  // Until one waits or was refused.
  void WaitUntilAsked() {
    MutexLock lock(&mutex_);
    while (!asked_) changed_.Wait(&mutex_);
  }

  const char* Name() const override { return "KeyringTables"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (name.find("/keyring/") != std::string::npos && name.ends_with(".sst")) {
      MutexLock lock(&mutex_);
      asked_ = asked_ || mode_ != Mode::kFree;
      changed_.SignalAll();
      while (mode_ == Mode::kHeld) changed_.Wait(&mutex_);
      if (mode_ == Mode::kRefused) return rocksdb::IOStatus::IOError("injected");
    }
    return target()->NewWritableFile(name, options, file, debug);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kFree;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
};

class PurgeTest : public EngineTest {
 protected:
  using Mode = KeyringTables::Mode;

  PurgeTest() {
    options_.env = env_.get();
    Open();
    model_ = CreateModel("m", SmallSpec(1, 1));
    IngestSubjects(*model_, 1, 3);
  }
  ~PurgeTest() override {  // before the files under it go
    files_->Set(Mode::kFree);
    Close();
  }

  // Forgets the subject; all is done but the purge, which is held.
  records::Erasure ForgetWithoutPurge(int subject) {
    files_->Set(Mode::kHeld);
    const records::Erasure erasure = Forget(subject);
    files_->WaitUntilAsked();
    EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).retrained_time_micros() != 0; }));
    return erasure;
  }

  const std::shared_ptr<KeyringTables> files_ = std::make_shared<KeyringTables>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  std::shared_ptr<ModelEntry> model_;
};

TEST_F(PurgeTest, AnErasureIsCompletedOnlyWhenItsKeysArePhysicallyGone) {
  const records::Erasure erasure = ForgetWithoutPurge(1);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  EXPECT_EQ(Stored(erasure).purged_time_micros(), 0);
  EXPECT_EQ(Stored(erasure).shredded_time_micros(), 0);
  files_->Set(Mode::kFree);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(PurgeTest, OneThatFailedIsRepeatedAtTheNextStart) {
  const records::Erasure erasure = ForgetWithoutPurge(1);
  files_->Set(Mode::kRefused);
  Close();
  files_->Set(Mode::kFree);
  OpenWithoutRecovery();
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  model_ = FindModel("m");
  ASSERT_THAT(engine_->Recover(), IsOk());
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

TEST_F(PurgeTest, AnotherErasureOfTheSubjectWaitsForThePurgeToo) {
  const records::Erasure first = ForgetWithoutPurge(1);
  const records::Erasure second = Forget(1), unknown = Forget(99);
  EXPECT_EQ(second.samples_erased(), 0);
  EXPECT_EQ(Stored(second).state(), records::Erasure::IN_PROGRESS) << "the keys are still on disk";
  EXPECT_EQ(Stored(unknown).state(), records::Erasure::COMPLETED);
  files_->Set(Mode::kFree);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(first).state(), records::Erasure::COMPLETED);
  EXPECT_EQ(Stored(second).state(), records::Erasure::COMPLETED);
}

TEST_F(PurgeTest, OneWhoseTracesCannotBeReadHoldsNoOtherOpen) {
  const records::Erasure damaged = ForgetWithoutPurge(1);
  files_->Set(Mode::kRefused);
  Close();
  files_->Set(Mode::kFree);
  {
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(KeyringOptions(nullptr), options_.data_dir + "/keyring", KeyringFamilies(), &families,
                                  &opened)
                    .ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    const std::string place = EncodeTracesKey(damaged.sequence());
    std::string bytes;
    ASSERT_TRUE(db->Get(rocksdb::ReadOptions(), families[kTraces], place, &bytes).ok());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), families[kTraces], place, bytes).ok());
    for (rocksdb::ColumnFamilyHandle* family : families) ASSERT_TRUE(db->DestroyColumnFamilyHandle(family).ok());
  }
  Open();
  model_ = FindModel("m");
  const records::Erasure other = Forget(2);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(other).state() == records::Erasure::COMPLETED; }));
  EXPECT_EQ(Stored(damaged).purged_time_micros(), 0);
}

TEST_F(PurgeTest, AForgetAfterADeletionWaitsForTheDeletionsPurge) {
  files_->Set(Mode::kHeld);
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  const records::Erasure before = Forget(1);
  files_->WaitUntilAsked();
  const records::Erasure meanwhile = Forget(2);
  EXPECT_EQ(Stored(before).state(), records::Erasure::IN_PROGRESS) << "the keys are still on disk";
  EXPECT_EQ(Stored(meanwhile).state(), records::Erasure::IN_PROGRESS) << "the keys are still on disk";
  EXPECT_EQ(Stored(meanwhile).purged_time_micros(), 0);
  files_->Set(Mode::kFree);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(before).state() == records::Erasure::COMPLETED; }));
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(meanwhile).state() == records::Erasure::COMPLETED; }));
  // The purge is over a moment after its erasures are marked; then nothing is owed.
  int subject = 3;
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Forget(subject++).state() == records::Erasure::COMPLETED; }));
}

TEST_F(PurgeTest, ADeletionWhosePurgeFailedIsOwedOneAfterAStart) {
  files_->Set(Mode::kHeld);
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  files_->WaitUntilAsked();
  files_->Set(Mode::kRefused);
  Close();
  files_->Set(Mode::kFree);
  OpenWithoutRecovery();
  files_->Set(Mode::kHeld);
  ASSERT_THAT(engine_->Recover(), IsOk());
  const records::Erasure erasure = Forget(1);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS) << "the keys are still on disk";
  files_->Set(Mode::kFree);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
}

// What a hard link makes fail can succeed later.
TEST_F(PurgeTest, ADeletionWhosePurgeFailsIsOwedOne) {
  ASSERT_THAT(engine_->keyring().Purge(), IsOk());
  const std::string link = dir_ / "link";
  ASSERT_TRUE(HardLinkATable(options_.data_dir + "/keyring", link));
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return !engine_->auditor().Report()->purge_problem.ok(); }));
  EXPECT_THAT(engine_->auditor().Report()->purge_problem,
              Fails(absl::StatusCode::kFailedPrecondition, "KEYRING_HARD_LINKED"));
  const records::Erasure erasure = Forget(1);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS) << "the keys are still on disk";
  std::filesystem::remove(link);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return engine_->auditor().Report()->purge_problem.ok(); }));
  EXPECT_EQ(Forget(2).state(), records::Erasure::COMPLETED) << "nothing is owed";
}

TEST_F(PurgeTest, ADeletionThatIsReclaimedIsOwedThePurgeThatFailed) {
  ASSERT_THAT(engine_->keyring().Purge(), IsOk());
  const std::string link = dir_ / "link";
  ASSERT_TRUE(HardLinkATable(options_.data_dir + "/keyring", link));
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  ASSERT_TRUE(engine_->keyring().ListDeadModels()->front().reclaimed);
  Reopen();
  const records::Erasure erasure = Forget(1);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS) << "the keys are still on disk";
  std::filesystem::remove(link);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
}

}  // namespace
}  // namespace expunge
