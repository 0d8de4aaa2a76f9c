#include <memory>
#include <string>

#include "base/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

// The operating system's files, where the keyring cannot make a new table while told so. Thread-safe.
class NoKeyringTables : public rocksdb::FileSystemWrapper {
 public:
  NoKeyringTables() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  void Refuse(bool refuse) {
    MutexLock lock(&mutex_);
    refuse_ = refuse;
  }
  void WaitUntilRefused() {
    MutexLock lock(&mutex_);
    while (refused_ == 0) changed_.Wait(&mutex_);
  }

  const char* Name() const override { return "NoKeyringTables"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (name.find("/keyring/") != std::string::npos && name.ends_with(".sst")) {
      MutexLock lock(&mutex_);
      if (refuse_) {
        ++refused_;
        changed_.SignalAll();
        return rocksdb::IOStatus::IOError("injected");
      }
    }
    return target()->NewWritableFile(name, options, file, debug);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool refuse_ ABSL_GUARDED_BY(mutex_) = false;
  int refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

class PurgeTest : public EngineTest {
 protected:
  PurgeTest() {
    options_.env = env_.get();
    Open();
    model_ = CreateModel("m", SmallSpec(1, 1));
    IngestSubjects(*model_, 1, 3);
  }
  ~PurgeTest() override { Close(); }  // before the files under it go

  const std::shared_ptr<NoKeyringTables> files_ = std::make_shared<NoKeyringTables>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  std::shared_ptr<ModelEntry> model_;
};

TEST_F(PurgeTest, AnErasureIsCompletedOnlyWhenItsKeysArePhysicallyGone) {
  files_->Refuse(true);
  const records::Erasure erasure = Forget(1);
  files_->WaitUntilRefused();
  ASSERT_TRUE(WaitUntil(*engine_, *model_, [&] { return Stored(erasure).retrained_time_micros() != 0; }));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  EXPECT_EQ(Stored(erasure).purged_time_micros(), 0);
  EXPECT_EQ(Stored(erasure).shredded_time_micros(), 0);
  files_->Refuse(false);
  Reopen();
  model_ = FindModel("m");
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::COMPLETED);
}

}  // namespace
}  // namespace expunge
