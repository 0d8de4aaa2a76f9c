#include <sys/stat.h>
#include <unistd.h>

#include "storage/keys.h"
#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

class KeyringOpenTest : public KeyringTest {
 protected:
  void MakeKeyring() {
    Open();
    key_ = CreateSubjectKey(1, SubjectNumber(1));
    Close();
  }

  std::string key_;
};

TEST_F(KeyringOpenTest, ANewKeyringMakesItsDirectoriesAndItsMasterKey) {
  Keyring::Options options = Options();
  options.path = directory_ / "deeper/and/deeper";
  ASSERT_THAT(Keyring::Open(options), IsOk());
  struct stat attributes;
  ASSERT_EQ(stat(options.master_key_file.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 07777, 0600);
  EXPECT_EQ(attributes.st_size, 32);
}

TEST_F(KeyringOpenTest, ANewKeyringTakesAMasterKeyThatIsThere) {
  const std::string bytes(AsBytes(Counting<Digest>(9)));
  std::ofstream(Options().master_key_file, std::ios::binary) << bytes;
  chmod(Options().master_key_file.c_str(), 0400);
  MakeKeyring();
  EXPECT_EQ(ReadFile(Options().master_key_file), bytes);
}

TEST_F(KeyringOpenTest, WhatACrashLeftOfAMasterKeyIsReplaced) {
  std::ofstream(Options().master_key_file + ".new") << "half";
  MakeKeyring();
  EXPECT_EQ(ReadFile(Options().master_key_file).size(), 32);
  EXPECT_FALSE(std::filesystem::exists(Options().master_key_file + ".new"));
}

TEST_F(KeyringOpenTest, ASecondOpenerIsRefused) {
  Open();
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_IN_USE"));
}

TEST_F(KeyringOpenTest, AnotherFormatVersionIsRefusedAndLeftAlone) {
  MakeKeyring();
  StoreBytes(std::string(kFormatKey), EncodeUint32(2));
  const auto opened = Keyring::Open(Options());
  EXPECT_THAT(opened, Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_VERSION"));
  EXPECT_THAT(std::string(opened.status().message()), testing::HasSubstr("version 2"));
  StoreBytes(std::string(kFormatKey), EncodeUint32(1));
  Open();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, AMissingMasterKeyIsNeverReplaced) {
  MakeKeyring();
  const std::string file = Options().master_key_file;
  std::filesystem::rename(file, file + ".elsewhere");
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MISSING"));
  EXPECT_FALSE(std::filesystem::exists(file));
  std::filesystem::rename(file + ".elsewhere", file);
  Open();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, AMasterKeyThatOthersMayUseIsRefused) {
  MakeKeyring();
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601}) {
    ASSERT_EQ(chmod(Options().master_key_file.c_str(), mode), 0);
    EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MODE"));
  }
  ASSERT_EQ(chmod(Options().master_key_file.c_str(), 0600), 0);
  Open();
}

TEST_F(KeyringOpenTest, AWrongMasterKeyIsRefused) {
  MakeKeyring();
  const std::string file = Options().master_key_file;
  const std::string right = ReadFile(file);
  for (const std::string& wrong :
       {std::string(AsBytes(Counting<Digest>(9))), right.substr(1), right + "x", std::string()}) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << wrong;
    EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG"));
  }
  std::ofstream(file, std::ios::binary | std::ios::trunc) << right;
  Open();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, ADirectoryIsNoMasterKey) {
  Keyring::Options options = Options();
  options.master_key_file = directory_ / "directory";
  std::filesystem::create_directory(options.master_key_file);
  EXPECT_THAT(Keyring::Open(options), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG"));
}

TEST_F(KeyringOpenTest, AMasterKeyThatThisUserMayNotReadSaysSo) {
  MakeKeyring();
  const uid_t user = geteuid();
  if (user == 0) {  // root may read everything: be somebody else who owns all but the master key
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      if (entry.path() != Options().master_key_file) {
        ASSERT_EQ(chown(entry.path().c_str(), 65534, 65534), 0);
      }
    }
    ASSERT_EQ(chown(directory_.path().c_str(), 65534, 65534), 0);
    ASSERT_EQ(seteuid(65534), 0);
  } else {
    ASSERT_EQ(chmod(Options().master_key_file.c_str(), 0), 0);
  }
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kPermissionDenied, "MASTER_KEY_UNREADABLE"));
  ASSERT_EQ(seteuid(user), 0);
}

TEST_F(KeyringOpenTest, AKeyringWithoutItsPepperIsCorrupt) {
  MakeKeyring();
  OpenDatabase()->Delete(rocksdb::WriteOptions(), std::string(kPepperKey));
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

TEST_F(KeyringOpenTest, AKeyringThatLostItsIndexFileIsNotStartedAnew) {
  MakeKeyring();
  const std::string current = Options().path + "/CURRENT";
  std::filesystem::rename(current, directory_ / "CURRENT");
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  std::filesystem::rename(directory_ / "CURRENT", current);
  Open();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key_);
}

}  // namespace
}  // namespace expunge
