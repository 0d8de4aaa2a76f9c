// Data directories that a server must not touch.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "storage/keys.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;

class BadDataDirTest : public IntegrationTest {
 protected:
  // A server on `data_dir` that must end by itself.
  Outcome StartOn(const std::string& data_dir, bool bound_by_modes = false) {
    return RunProgram(
        {.arguments = {kServerProgram, "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--log-level", "error"},
         .bound_by_modes = bound_by_modes});
  }

  void ExpectRefused(const Outcome& outcome, const std::string& problem) {
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(IsOneLineOf("expunged", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(problem));
  }
};

void SetVersion(const std::string& path, const rocksdb::DBOptions& options,
                const std::vector<rocksdb::ColumnFamilyDescriptor>& families, uint32_t version) {
  const auto database = RocksDatabase::Open("the test's database", path, options, families);
  ASSERT_THAT(database, IsOk());
  ASSERT_TRUE((**database)->Put(rocksdb::WriteOptions(), kFormatKey, EncodeUint32(version)).ok());
}

TEST_F(BadDataDirTest, ASecondServerOnTheSameDirectory) {
  MakeTrained(StripesModel("m", 2, 2), 10);
  ExpectRefused(StartOn(server_.data_dir()), "the main store is in use by another process");
  EXPECT_THAT(client().Predict(StripesInputs("m", 0, 1)), IsOk());
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(BadDataDirTest, AStoreOfAnotherVersion) {
  ASSERT_EQ(server_.Terminate(), 0);
  SetVersion(server_.data_dir() + "/store", MainStoreOptions(nullptr), MainStoreFamilies(), 1);
  ExpectRefused(StartOn(server_.data_dir()),
                "the main store is of another format: it has version 1, this program reads version 2");
}

TEST_F(BadDataDirTest, AKeyringOfAnotherVersion) {
  ASSERT_EQ(server_.Terminate(), 0);
  SetVersion(server_.data_dir() + "/keyring", KeyringOptions(nullptr), KeyringFamilies(), 7);
  ExpectRefused(StartOn(server_.data_dir()), "it has version 7, this program reads version 2");
}

TEST_F(BadDataDirTest, AMissingOrReadableMasterKey) {
  MakeTrained(StripesModel("m", 2, 2), 10);
  ASSERT_EQ(server_.Terminate(), 0);
  const std::filesystem::path key = server_.data_dir() + "/master.key";
  const std::filesystem::path aside = files_.PathOf("key");
  std::filesystem::rename(key, aside);
  ExpectRefused(StartOn(server_.data_dir()), "master.key is missing");
  std::filesystem::rename(aside, key);
  std::filesystem::permissions(key, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  ExpectRefused(StartOn(server_.data_dir()), "must have mode 0600");
  std::filesystem::permissions(key, std::filesystem::perms::group_read, std::filesystem::perm_options::remove);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(BadDataDirTest, ADirectoryThatCannotBeMade) {
  ExpectRefused(StartOn(files_.Write("file", "") + "/data"), "the main store");
  ExpectRefused(StartOn("/proc/nothing"), "the main store");
}

TEST_F(BadDataDirTest, ADirectoryThatMayNotBeWritten) {
  using std::filesystem::perms;
  const std::string directory = files_.PathOf("sealed");
  std::filesystem::create_directory(directory);
  std::filesystem::permissions(directory, perms::owner_read | perms::owner_exec);
  ExpectRefused(StartOn(directory, /*bound_by_modes=*/true),
                "needs a data directory that this user may read and write");
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::permissions(directory, perms::owner_all);
}

TEST_F(BadDataDirTest, DamagedFilesAreSaidToBe) {
  MakeTrained(StripesModel("m", 2, 2), 10);
  ASSERT_EQ(server_.Terminate(), 0);
  std::ofstream(server_.data_dir() + "/store/CURRENT") << "MANIFEST-999999\n";
  ExpectRefused(StartOn(server_.data_dir()), "the main store cannot be read");
}

}  // namespace
}  // namespace expunge
