#include "storage/master_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

class MasterKeyTest : public testing::Test {
 protected:
  void Write(const std::string& bytes, mode_t mode = 0600) const {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
    ASSERT_EQ(chmod(file_.c_str(), mode), 0);
  }
  // What is in the directory.
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  const TempDir directory_;
  const std::string file_ = directory_ / "master.key";
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(MasterKeyTest, ANewOneIsForItsOwnerAloneAndNothingElseIsLeft) {
  const mode_t mask = umask(0);
  EXPECT_THAT(CreateMasterKey(file_), IsOk());
  umask(mask);
  struct stat attributes;
  ASSERT_EQ(stat(file_.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 07777, 0600);
  EXPECT_EQ(attributes.st_size, 32);
  EXPECT_EQ(attributes.st_nlink, 1);
  EXPECT_THAT(Files(), ElementsAre("master.key"));
  EXPECT_THAT(LoadMasterKey(file_), IsOk());
}

TEST_F(MasterKeyTest, ANewOneIsRandom) {
  ASSERT_THAT(CreateMasterKey(file_), IsOk());
  ASSERT_THAT(CreateMasterKey(file_ + ".other"), IsOk());
  EXPECT_NE(ReadFile(file_), ReadFile(file_ + ".other"));
  EXPECT_NE((*LoadMasterKey(file_))->id(), (*LoadMasterKey(file_ + ".other"))->id());
}

TEST_F(MasterKeyTest, NeverOverwritesAFile) {
  ASSERT_THAT(CreateMasterKey(file_), IsOk());
  const std::string first = ReadFile(file_);
  EXPECT_THAT(CreateMasterKey(file_), Fails(absl::StatusCode::kAlreadyExists, "MASTER_KEY_EXISTS"));
  EXPECT_EQ(ReadFile(file_), first);
  EXPECT_THAT(Files(), ElementsAre("master.key"));
  Write("not a key");
  EXPECT_THAT(CreateMasterKey(file_), Fails(absl::StatusCode::kAlreadyExists, "MASTER_KEY_EXISTS"));
  EXPECT_THAT(LoadOrCreateMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG"));
  EXPECT_EQ(ReadFile(file_), "not a key");
}

TEST_F(MasterKeyTest, ALinkThatLeadsNowhereIsNotFollowed) {
  std::filesystem::create_symlink(directory_ / "nothing", file_);
  EXPECT_THAT(CreateMasterKey(file_), Fails(absl::StatusCode::kAlreadyExists, "MASTER_KEY_EXISTS"));
  EXPECT_THAT(LoadOrCreateMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MISSING"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "nothing"));
}

TEST_F(MasterKeyTest, LoadOrCreateMakesAMissingOneAndLoadsItLater) {
  EXPECT_THAT(LoadMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MISSING"));
  const auto made = LoadOrCreateMasterKey(file_);
  ASSERT_THAT(made, IsOk());
  const auto loaded = LoadOrCreateMasterKey(file_);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->id(), (*made)->id());
}

TEST_F(MasterKeyTest, WhatACrashLeftIsNoObstacle) {
  std::ofstream(file_ + ".unfinished-aB3xYz") << "half";
  EXPECT_THAT(LoadOrCreateMasterKey(file_), IsOk());
  EXPECT_EQ(ReadFile(file_).size(), 32);
}

TEST_F(MasterKeyTest, ThoseWhoMakeOneAtOnceGetTheSame) {
  for (int round = 0; round < 20; ++round) {
    const std::string file = file_ + std::to_string(round);
    std::vector<std::string> ids(4);
    std::vector<std::thread> threads;
    for (std::string& id : ids) {
      threads.emplace_back([&file, &id] {
        const auto key = LoadOrCreateMasterKey(file);
        ASSERT_THAT(key, IsOk());
        id = (*key)->id();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ids[0].size(), 8);
    for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
  }
  EXPECT_EQ(Files().size(), 20);
}

TEST_F(MasterKeyTest, OneThatOthersMayUseIsRefused) {
  ASSERT_THAT(CreateMasterKey(file_), IsOk());
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601}) {
    ASSERT_EQ(chmod(file_.c_str(), mode), 0);
    EXPECT_THAT(LoadMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MODE"));
  }
  for (const mode_t mode : {0400, 0600, 0700}) {
    ASSERT_EQ(chmod(file_.c_str(), mode), 0);
    EXPECT_THAT(LoadMasterKey(file_), IsOk());
  }
}

TEST_F(MasterKeyTest, WhatIsNoFileOf32BytesIsRefused) {
  for (const size_t size : {0, 31, 33, 64}) {
    Write(std::string(size, 'k'));
    EXPECT_THAT(LoadMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG")) << size;
  }
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  EXPECT_THAT(LoadMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG"));
  std::filesystem::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(LoadMasterKey(file_), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG"));
}

TEST_F(MasterKeyTest, OneThatThisUserMayNotReadSaysSo) {
  ASSERT_THAT(CreateMasterKey(file_), IsOk());
  const uid_t user = geteuid();
  if (user == 0) {  // root may read everything: be somebody else
    ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
    ASSERT_EQ(seteuid(65534), 0);
  } else {
    ASSERT_EQ(chmod(file_.c_str(), 0), 0);
  }
  EXPECT_THAT(LoadMasterKey(file_), Fails(absl::StatusCode::kPermissionDenied, "MASTER_KEY_UNREADABLE"));
  ASSERT_EQ(seteuid(user), 0);
}

TEST_F(MasterKeyTest, ADirectoryThatMayNotBeWrittenOrIsMissingSaysSo) {
  EXPECT_THAT(CreateMasterKey(directory_ / "missing/master.key"),
              Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
  ASSERT_EQ(chmod(directory_.path().c_str(), 0555), 0);
  const uid_t user = geteuid();
  if (user == 0) {  // root may write everywhere
    ASSERT_EQ(seteuid(65534), 0);
  }
  EXPECT_THAT(CreateMasterKey(file_), Fails(absl::StatusCode::kPermissionDenied, "DATA_DIR_NOT_WRITABLE"));
  EXPECT_THAT(LoadOrCreateMasterKey(file_), Fails(absl::StatusCode::kPermissionDenied, "DATA_DIR_NOT_WRITABLE"));
  ASSERT_EQ(seteuid(user), 0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(MasterKeyTest, ReplaceTakesTheNewOneFromItsPlace) {
  ASSERT_THAT(CreateMasterKey(file_), IsOk());
  ASSERT_THAT(CreateMasterKey(file_ + ".new"), IsOk());
  const std::string renewed = ReadFile(file_ + ".new");
  ASSERT_THAT(ReplaceMasterKey(file_ + ".new", file_), IsOk());
  EXPECT_EQ(ReadFile(file_), renewed);
  EXPECT_THAT(Files(), ElementsAre("master.key"));
  EXPECT_FALSE(ReplaceMasterKey(file_ + ".new", file_).ok());
  EXPECT_EQ(ReadFile(file_), renewed);
}

TEST_F(MasterKeyTest, WrapsForOnePlaceAndUnderOneKey) {
  ASSERT_THAT(CreateMasterKey(file_), IsOk());
  ASSERT_THAT(CreateMasterKey(file_ + ".other"), IsOk());
  const auto master_key = LoadMasterKey(file_), other = LoadMasterKey(file_ + ".other");
  const DataKey key = DataKey::Random();
  auto wrapped = (*master_key)->Wrap("here", key);
  ASSERT_THAT(wrapped, IsOk());
  EXPECT_EQ((*master_key)->Unwrap("here", *wrapped)->bytes(), key.bytes());
  const auto corrupt = Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT");
  EXPECT_THAT((*master_key)->Unwrap("there", *wrapped), corrupt);
  EXPECT_THAT((*other)->Unwrap("here", *wrapped), corrupt);
  wrapped->back() ^= 1;
  EXPECT_THAT((*master_key)->Unwrap("here", *wrapped), corrupt);
  EXPECT_THAT((*master_key)->Unwrap("here", ""), corrupt);
}

TEST_F(MasterKeyTest, EqualsTheGoldenFiles) {
  Write(std::string(AsBytes(Counting<Digest>(0x20))), 0400);
  const auto master_key = LoadMasterKey(file_);
  ASSERT_THAT(master_key, IsOk());
  EXPECT_EQ((*master_key)->id(), ReadGolden("storage_hashes_v1.hex")["master_key_id"]);
  const auto root =
      (*master_key)
          ->Unwrap(std::string("root key \0\0\0\1", 13), ReadGolden("storage_sealed_v1.hex")["wrapped_root_key"]);
  ASSERT_THAT(root, IsOk());
  EXPECT_EQ(root->bytes(), AsBytes(Counting<Digest>(0x60)));
}

}  // namespace
}  // namespace expunge
