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

TEST_F(KeyringOpenTest, WhatWasLeftOfAMasterKeyIsRemovedAndAnOperatorsCopyIsNot) {
  Open();
  Close();
  const std::string file = Options().master_key_file;
  std::filesystem::create_hard_link(file, file + ".unfinished-a1B2c3");
  std::ofstream(file + ".next.unfinished-a1B2c3") << "half a key";
  for (const std::string copy : {".backup", ".next", ".old"}) std::filesystem::copy_file(file, file + copy);
  Open();
  EXPECT_FALSE(std::filesystem::exists(file + ".unfinished-a1B2c3")) << "a second name of the key";
  EXPECT_FALSE(std::filesystem::exists(file + ".next.unfinished-a1B2c3"));
  EXPECT_EQ(std::filesystem::hard_link_count(file), 1);
  for (const std::string copy : {".backup", ".next", ".old"}) EXPECT_TRUE(std::filesystem::exists(file + copy)) << copy;
}

TEST_F(KeyringOpenTest, ASecondOpenerIsRefused) {
  Open();
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_IN_USE"));
}

TEST_F(KeyringOpenTest, AnotherFormatVersionIsRefusedAndLeftAlone) {
  MakeKeyring();
  for (const uint32_t version : {1, 3}) {
    StoreBytes(std::string(kFormatKey), EncodeUint32(version));
    const auto opened = Keyring::Open(Options());
    EXPECT_THAT(opened, Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_VERSION"));
    EXPECT_THAT(std::string(opened.status().message()), testing::HasSubstr("version " + std::to_string(version)));
  }
  StoreBytes(std::string(kFormatKey), EncodeUint32(2));
  Open();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, AMissingMasterKeyIsNeverReplaced) {
  MakeKeyring();
  const std::string file = Options().master_key_file;
  std::filesystem::rename(file, file + ".elsewhere");
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MISSING"));
  EXPECT_FALSE(std::filesystem::exists(file));
  std::filesystem::rename(file + ".elsewhere", file);
  Open();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key_);
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
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, AMasterKeyThatCannotBeLoadedIsRefused) {
  MakeKeyring();
  ASSERT_EQ(chmod(Options().master_key_file.c_str(), 0640), 0);
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_MODE"));
  ASSERT_EQ(chmod(Options().master_key_file.c_str(), 0600), 0);
  Open();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, AMissingKeyringIsMadeOnlyWhenAskedFor) {
  Keyring::Options options = Options();
  options.create = false;
  EXPECT_THAT(Keyring::Open(options), Fails(absl::StatusCode::kFailedPrecondition, "KEYRING_MISSING"));
  EXPECT_FALSE(std::filesystem::exists(options.master_key_file));
  MakeKeyring();
  const auto opened = Keyring::Open(options);
  ASSERT_THAT(opened, IsOk());
  EXPECT_FALSE((*opened)->is_new());
}

TEST_F(KeyringOpenTest, AKeyringIsNewOnce) {
  Open();
  EXPECT_TRUE(keyring_->is_new());
  Reopen();
  EXPECT_FALSE(keyring_->is_new());
}

TEST_F(KeyringOpenTest, AKeyringWithoutItsPepperIsCorrupt) {
  MakeKeyring();
  OpenDatabase()->Delete(std::string(kPepperKey));
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

TEST_F(KeyringOpenTest, AKeyringWithoutItsRootKeyOrWithAChangedOneIsCorrupt) {
  MakeKeyring();
  std::string place, row;
  for (const auto& [key, value] : OpenDatabase(/*read_only=*/true)->Rows()) {
    uint32_t epoch = 0;
    std::string_view master_key_id;
    if (!DecodeRootKeyKey(key, &epoch, &master_key_id)) continue;
    EXPECT_EQ(place, "") << "a new keyring has one root key";
    EXPECT_EQ(epoch, 1);
    place = key;
    row = value;
  }
  ASSERT_EQ(row.size(), 1 + 12 + 32 + 16);
  OpenDatabase()->Delete(place);
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  std::string changed = row;
  changed.back() ^= 1;
  StoreBytes(place, changed);
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  StoreBytes(place, row);
  Open();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key_);
}

TEST_F(KeyringOpenTest, AKeyringThatLostItsIndexFileIsNotStartedAnew) {
  MakeKeyring();
  const std::string current = Options().path + "/CURRENT";
  std::filesystem::rename(current, directory_ / "CURRENT");
  EXPECT_THAT(Keyring::Open(Options()), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  std::filesystem::rename(directory_ / "CURRENT", current);
  Open();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key_);
}

}  // namespace
}  // namespace expunge
