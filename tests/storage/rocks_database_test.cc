#include "storage/rocks_database.h"

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocks_files.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr std::string_view kName = "the database";

class RocksDatabaseTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<RocksDatabase>> Open(const std::string& path, const std::vector<std::string>& more) {
    rocksdb::DBOptions options;
    options.env = env_.get();
    options.max_manifest_file_size = 1;  // each change begins one
    std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, {}}};
    for (const std::string& name : more) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    return RocksDatabase::Open(kName, path, options, families);
  }

  // RocksDB reads no OPTIONS file.
  bool FaultMatters() const { return files_->failed() && !absl::StrContains(files_->plan().where(), "/OPTIONS-"); }

  const std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = std::make_unique<FaultyEnv>(files_);
};

TEST_F(RocksDatabaseTest, AMissingFamilyThatCannotBeMadeOnAFullDiskIsMadeLater) {
  bool reached_every_write = false;
  for (int writes = 0; !reached_every_write; ++writes) {
    SCOPED_TRACE(writes);
    const TempDir directory;
    const std::string path = directory / "database";
    {
      const auto database = Open(path, {});
      ASSERT_THAT(database, IsOk());
      ASSERT_TRUE((*database)->get()->Put(rocksdb::WriteOptions(), "key", "value").ok());
    }
    files_->FailAfter(writes, FileFault::kNoSpace);
    const bool opened = Open(path, {"one", "two"}).ok();  // and closed
    reached_every_write = !files_->failed();
    EXPECT_TRUE(opened ? !FaultMatters() : files_->failed());
    files_->Heal();
    const auto database = Open(path, {"one", "two"});
    ASSERT_THAT(database, IsOk());
    std::string value;
    EXPECT_TRUE((*database)->get()->Get(rocksdb::ReadOptions(), "key", &value).ok());
    EXPECT_EQ(value, "value");
    EXPECT_EQ((*database)->families().size(), 3);
  }
}

TEST_F(RocksDatabaseTest, AManifestThatCannotBeBegunLeavesTheOneBefore) {
  bool reached_every_write = false;
  for (int writes = 0; !reached_every_write; ++writes) {
    SCOPED_TRACE(writes);
    const TempDir directory;
    const std::string path = directory / "database";
    {
      const auto database = Open(path, {"one"});
      ASSERT_THAT(database, IsOk());
      files_->FailAfter(writes, FileFault::kNoSpace);
      const rocksdb::Status begun = (*database)->get()->EnableAutoCompaction({(*database)->family(0)});
      reached_every_write = !files_->failed();
      EXPECT_EQ(begun.ok(), !FaultMatters()) << begun.ToString();
      // An occasion to delete what is obsolete.
      EXPECT_TRUE((*database)->get()->DisableFileDeletions().ok());
      EXPECT_TRUE((*database)->get()->EnableFileDeletions().ok());
      files_->Heal();
    }
    EXPECT_THAT(Open(path, {"one"}), IsOk());
  }
}

TEST_F(RocksDatabaseTest, DeletionsThatAreNotMadeAreNotReportedAsMade) {
  const TempDir directory;
  {
    const auto database = Open(directory / "database", {});
    ASSERT_THAT(database, IsOk());
    EXPECT_THAT(AwaitDeletions(**database, kName), IsOk());
    files_->Inject({.operations = {FileOperation::kSyncDirectory}, .once = true});
    EXPECT_THAT(AwaitDeletions(**database, kName), Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
    // The cause is gone, what it has left uncertain is not.
    const absl::Status later = AwaitDeletions(**database, kName);
    EXPECT_THAT(later, Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
    EXPECT_THAT(later.message(), testing::HasSubstr("restart the server"));
  }
  const auto database = Open(directory / "database", {});
  ASSERT_THAT(database, IsOk());
  EXPECT_THAT(AwaitDeletions(**database, kName), IsOk());
}

}  // namespace
}  // namespace expunge
