#include "storage/cautious_files.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

class CautiousFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Write("MANIFEST-000004", "records").ok());
    ASSERT_TRUE(Write("MANIFEST-000005", "records").ok());
    ASSERT_TRUE(Write("000005.dbtmp", "MANIFEST-000005\n").ok());
    ASSERT_TRUE(Rename("000005.dbtmp", "CURRENT").ok());
  }

  rocksdb::IOStatus Write(const std::string& name, const std::string& contents) {
    return rocksdb::WriteStringToFile(files_, contents, directory_ / name, /*should_sync=*/true);
  }
  rocksdb::IOStatus Rename(const std::string& from, const std::string& to) {
    return files_->RenameFile(directory_ / from, directory_ / to, {}, nullptr);
  }
  rocksdb::IOStatus SyncDirectory() {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    rocksdb::IOStatus status = files_->NewDirectory(directory_.path(), {}, &directory, nullptr);
    return status.ok() ? directory->FsyncWithDirOptions({}, nullptr, {}) : status;
  }
  bool Deletes(const std::string& name) {
    EXPECT_TRUE(files_->FileExists(directory_ / name, {}, nullptr).ok());
    const bool deleted = files_->DeleteFile(directory_ / name, {}, nullptr).ok();
    EXPECT_EQ(files_->FileExists(directory_ / name, {}, nullptr).IsNotFound(), deleted);
    return deleted;
  }
  void ExpectKept() {
    for (const std::string name : {"000007.sst", "000008.blob", "000009.log"}) {
      ASSERT_TRUE(Write(name, "contents").ok());
      EXPECT_FALSE(Deletes(name)) << name;
    }
    EXPECT_FALSE(Deletes("MANIFEST-000004"));
    EXPECT_FALSE(Deletes("MANIFEST-000005"));
    // Nothing needs these.
    for (const std::string name : {"MANIFEST-000006", "000006.dbtmp", "OPTIONS-000010"}) {
      ASSERT_TRUE(Write(name, "contents").ok());
      EXPECT_TRUE(Deletes(name)) << name;
    }
  }
  std::unique_ptr<rocksdb::FSWritableFile> Open(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    last_open_ = files_->NewWritableFile(directory_ / name, {}, &file, nullptr);
    return file;
  }
  std::string Read(const std::string& name) {
    std::string contents;
    EXPECT_TRUE(rocksdb::ReadFileToString(files_, directory_ / name, &contents).ok());
    return contents;
  }
  void FailOnce(FileOperation operation) { faulty_->Inject({.operations = {operation}, .once = true}); }

  const TempDir directory_;
  const std::shared_ptr<FaultyFileSystem> faulty_ = std::make_shared<FaultyFileSystem>();
  FaultyEnv faulty_env_{faulty_};
  CautiousEnv env_{&faulty_env_};
  rocksdb::FileSystem* const files_ = env_.GetFileSystem().get();
  rocksdb::IOStatus last_open_;
};

TEST_F(CautiousFilesTest, DeletesWhatItIsAskedToWhileAllIsWell) {
  for (const std::string name : {"000007.sst", "000008.blob", "000009.log", "MANIFEST-000006"}) {
    ASSERT_TRUE(Write(name, "contents").ok());
    EXPECT_TRUE(Deletes(name)) << name;
  }
  EXPECT_TRUE(Deletes("MANIFEST-000004"));
  EXPECT_TRUE(SyncDirectory().ok());
}

TEST_F(CautiousFilesTest, KeepsWhatMayBeInUseOnceAManifestCannotBeMade) {
  FailOnce(FileOperation::kCreate);
  EXPECT_FALSE(Write("MANIFEST-000006", "records").ok());
  ExpectKept();
}

TEST_F(CautiousFilesTest, KeepsWhatMayBeInUseOnceAManifestCannotBeWritten) {
  FailOnce(FileOperation::kAppend);
  EXPECT_FALSE(Write("MANIFEST-000006", "records").ok());
  ExpectKept();
}

TEST_F(CautiousFilesTest, KeepsWhatMayBeInUseOnceAManifestCannotBeSynced) {
  FailOnce(FileOperation::kSync);
  EXPECT_FALSE(Write("MANIFEST-000006", "records").ok());
  ExpectKept();
}

TEST_F(CautiousFilesTest, KeepsWhatMayBeInUseOnceCurrentCannotBeWritten) {
  FailOnce(FileOperation::kAppend);
  EXPECT_FALSE(Write("000006.dbtmp", "MANIFEST-000006").ok());
  ExpectKept();
}

TEST_F(CautiousFilesTest, KeepsWhatMayBeInUseOnceCurrentCannotBeReplaced) {
  ASSERT_TRUE(Write("000006.dbtmp", "MANIFEST-000006").ok());
  FailOnce(FileOperation::kRename);
  EXPECT_FALSE(Rename("000006.dbtmp", "CURRENT").ok());
  ExpectKept();
}

TEST_F(CautiousFilesTest, KeepsWhatMayBeInUseOnceTheDirectoryCannotBeSynced) {
  FailOnce(FileOperation::kSyncDirectory);
  EXPECT_FALSE(SyncDirectory().ok());
  ExpectKept();
}

TEST_F(CautiousFilesTest, KeepsEveryManifestWhenCurrentCannotBeRead) {
  ASSERT_TRUE(Write("000006.dbtmp", "rubbish").ok());
  ASSERT_TRUE(Rename("000006.dbtmp", "CURRENT").ok());
  FailOnce(FileOperation::kAppend);
  EXPECT_FALSE(Write("MANIFEST-000006", "records").ok());
  EXPECT_FALSE(Deletes("MANIFEST-000006"));
}

TEST_F(CautiousFilesTest, BeginsAWalWhenThoseBeforeItAreDurable) {
  std::unique_ptr<rocksdb::FSWritableFile> first = Open("000009.log");
  ASSERT_TRUE(first->Append("row", {}, nullptr).ok());
  std::unique_ptr<rocksdb::FSWritableFile> second = Open("000011.log");
  ASSERT_TRUE(second->Append("row", {}, nullptr).ok());
  first.reset();
  second.reset();
  faulty_->DropUnsynced();
  EXPECT_EQ(Read("000009.log"), "row");
  EXPECT_EQ(Read("000011.log"), "");
}

TEST_F(CautiousFilesTest, BeginsNoWalWhileOneBeforeItCannotBeSynced) {
  std::unique_ptr<rocksdb::FSWritableFile> first = Open("000009.log");
  ASSERT_TRUE(first->Append("row", {}, nullptr).ok());
  FailOnce(FileOperation::kSync);
  EXPECT_EQ(Open("000011.log"), nullptr);
  EXPECT_TRUE(last_open_.IsIOError());
  EXPECT_TRUE(files_->FileExists(directory_ / "000011.log", {}, nullptr).IsNotFound());

  std::unique_ptr<rocksdb::FSWritableFile> second = Open("000011.log");
  EXPECT_NE(second, nullptr);
  first.reset();
  second.reset();
  faulty_->DropUnsynced();
  EXPECT_EQ(Read("000009.log"), "row");
}

TEST_F(CautiousFilesTest, SyncsNoWalThatIsSyncedOrClosed) {
  const std::unique_ptr<rocksdb::FSWritableFile> synced = Open("000009.log");
  ASSERT_TRUE(synced->Append("row", {}, nullptr).ok());
  ASSERT_TRUE(synced->Sync({}, nullptr).ok());
  const std::unique_ptr<rocksdb::FSWritableFile> closed = Open("000010.log");
  ASSERT_TRUE(closed->Append("row", {}, nullptr).ok());
  ASSERT_TRUE(closed->Close({}, nullptr).ok());
  FailOnce(FileOperation::kSync);
  EXPECT_NE(Open("000011.log"), nullptr);
}

}  // namespace
}  // namespace expunge
