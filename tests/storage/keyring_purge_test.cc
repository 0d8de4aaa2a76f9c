#include <atomic>
#include <filesystem>
#include <thread>

#include "storage/keys.h"
#include "tests/storage/keyring_fixture.h"
#include "tests/testing/hard_link.h"

namespace expunge {
namespace {

using testing::IsEmpty;
using testing::Not;

class KeyringPurgeTest : public KeyringTest {
 protected:
  // As a key lies in the files: its random part.
  std::string WrappedKey(ModelUid model, const Pseudonym& subject) {
    return OpenDatabase(/*read_only=*/true)->Get(EncodeSubjectDataKeyKey(model, subject)).substr(13);
  }
  std::string WrappedKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id) {
    const std::string place = EncodeCheckpointDataKeyKey(shard, slice, id);
    return OpenDatabase(/*read_only=*/true)->Get(place, kCheckpointKeys).substr(5);
  }
  // RocksDB leaves out what a key shares with the one before it.
  static std::string TailOf(const Pseudonym& subject) { return std::string(AsBytes(subject).substr(8)); }

  std::vector<std::string> Files(const std::string& bytes) { return FilesWith(Options().path, bytes); }
};

TEST_F(KeyringPurgeTest, NothingOfAForgottenSubjectIsInAnyFileNotEvenTheBoundsInTheManifest) {
  constexpr int kSubjects = 20'000;
  Open();
  CreateSubjectKeys(1, 0, kSubjects);
  ASSERT_THAT(keyring_->Purge(), IsOk());
  // Those that bound a file, and some others.
  std::vector<Pseudonym> subjects = {SubjectNumber(0), SubjectNumber(777), SubjectNumber(kSubjects - 1)};
  const auto files = OpenDatabase(/*read_only=*/true)->KeyFiles();
  ASSERT_GT(files.size(), 1) << "a purge of a range is to be seen";
  for (const rocksdb::LiveFileMetaData& file : files) {
    ModelUid model = 0;
    Pseudonym subject;
    if (DecodeSubjectDataKeyKey(file.smallestkey, &model, &subject)) subjects.push_back(subject);
    if (DecodeSubjectDataKeyKey(file.largestkey, &model, &subject)) subjects.push_back(subject);
  }
  for (const Pseudonym& subject : subjects) {
    if (KeyOf(1, subject).empty()) continue;  // twice in the list
    const std::string wrapped = WrappedKey(1, subject);
    EXPECT_THAT(Files(wrapped), Not(IsEmpty())) << "the control";
    EXPECT_THAT(Files(TailOf(subject)), Not(IsEmpty())) << "the control";
    ASSERT_THAT(Forget(subject, {1}), IsOk());
    EXPECT_THAT(Files(wrapped), Not(IsEmpty())) << "the control: destroyed, and not gone yet";
    ASSERT_THAT(keyring_->Purge(), IsOk());
    EXPECT_THAT(Files(wrapped), IsEmpty());
    EXPECT_THAT(Files(TailOf(subject)), IsEmpty());
  }
  Reopen();
  for (const Pseudonym& subject : subjects) EXPECT_THAT(Files(TailOf(subject)), IsEmpty());
  EXPECT_NE(KeyOf(1, SubjectNumber(5)), "");
}

TEST_F(KeyringPurgeTest, KeysOfCheckpointsVanish) {
  Open();
  const CheckpointKeyId kept = CreateCheckpointKey({1, 0}, 1), gone = CreateCheckpointKey({1, 0}, 3);
  const std::string wrapped = WrappedKey({1, 0}, 3, gone), other = WrappedKey({1, 0}, 1, kept);
  ASSERT_THAT(keyring_->DestroyCheckpointKeys({{1, 0}, 2}), IsOk());
  EXPECT_THAT(Files(wrapped), Not(IsEmpty())) << "the control";
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(Files(wrapped), IsEmpty());
  EXPECT_THAT(Files(std::string(AsBytes(gone))), IsEmpty());
  EXPECT_THAT(Files(other), Not(IsEmpty()));
}

TEST_F(KeyringPurgeTest, TheOldKeyOfASubjectThatKeepsSamplesVanishes) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const std::string before = WrappedKey(1, SubjectNumber(1));
  ForgetSamples({1, 0}, SubjectNumber(1), {SampleNumber(1)});
  const std::string row = OpenDatabase(/*read_only=*/true)->Get(EncodeRekeyKey(1, SubjectNumber(1)));
  ASSERT_THAT(keyring_->FinishRekey(1, SubjectNumber(1)), IsOk());
  EXPECT_THAT(Files(before), Not(IsEmpty())) << "the control";
  EXPECT_THAT(Files(row), Not(IsEmpty())) << "the control";
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(Files(before), IsEmpty());
  EXPECT_THAT(Files(row), IsEmpty());
  EXPECT_NE(KeyOf(1, SubjectNumber(1)), "");
}

TEST_F(KeyringPurgeTest, AllKeysOfADeletedModelVanish) {
  Open();
  CreateSubjectKeys(1, 0, 50);
  CreateSubjectKeys(2, 0, 50);
  const std::string gone = WrappedKey(1, SubjectNumber(7)), kept = WrappedKey(2, SubjectNumber(7));
  ASSERT_THAT(keyring_->DestroyModelKeys(1, absl::UnixEpoch()), IsOk());
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(Files(gone), IsEmpty());
  EXPECT_THAT(Files(kept), Not(IsEmpty()));
}

TEST_F(KeyringPurgeTest, WhatWasDestroyedBeforeAStartVanishesAfterIt) {
  Open();
  CreateSubjectKeys(1, 0, 50);
  ASSERT_THAT(keyring_->Purge(), IsOk());
  const std::string wrapped = WrappedKey(1, SubjectNumber(7));
  ASSERT_THAT(Forget(SubjectNumber(7), {1}), IsOk());
  Reopen();
  EXPECT_THAT(Files(wrapped), Not(IsEmpty())) << "the control";
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(Files(wrapped), IsEmpty());
}

TEST_F(KeyringPurgeTest, RewritesEverythingWhenToldTo) {
  Open();
  CreateSubjectKeys(1, 0, 50);
  CreateCheckpointKey({1, 0}, 1);
  ASSERT_THAT(keyring_->Purge(), IsOk());
  const auto tables = [this] {
    std::vector<std::string> names;
    for (const rocksdb::LiveFileMetaData& file : OpenDatabase(/*read_only=*/true)->Files()) {
      if (file.column_family_name != KeyringFamilies()[kTraces].name) names.push_back(file.name);
    }
    return names;
  };
  const std::vector<std::string> before = tables();
  ASSERT_GE(before.size(), 2) << "of subjects and of checkpoints";
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_EQ(tables(), before) << "the control: nothing was touched";
  keyring_->TouchEverything();
  ASSERT_THAT(keyring_->Purge(), IsOk());
  for (const std::string& name : tables()) EXPECT_THAT(before, Not(testing::Contains(name)));
}

TEST_F(KeyringPurgeTest, AHardLinkIsRefusedAndAfterItIsGoneThePurgeSucceeds) {
  Open();
  CreateSubjectKeys(1, 0, 50);
  ASSERT_THAT(keyring_->Purge(), IsOk());
  const std::string wrapped = WrappedKey(1, SubjectNumber(7));
  const std::string link = directory_ / "link";
  ASSERT_TRUE(HardLinkATable(Options().path, link));
  ASSERT_THAT(Forget(SubjectNumber(7), {1}), IsOk());
  EXPECT_THAT(keyring_->Purge(), Fails(absl::StatusCode::kFailedPrecondition, "KEYRING_HARD_LINKED"));
  std::filesystem::remove(link);
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(Files(wrapped), IsEmpty());
}

TEST_F(KeyringPurgeTest, WorksWhileOthersReadAndWrite) {
  Open();
  constexpr int kRounds = 8;
  std::vector<std::string> wrapped;
  for (int i = 0; i < kRounds; ++i) {
    CreateSubjectKey(1, SubjectNumber(i));
    wrapped.push_back(WrappedKey(1, SubjectNumber(i)));
  }
  const std::string lasting = CreateSubjectKey(2, SubjectNumber(0));
  std::atomic<bool> done = false;
  std::vector<std::thread> others;
  for (int t = 0; t < 2; ++t) {
    others.emplace_back([this, t, &done, &lasting] {
      for (int i = 0; !done; ++i) {
        CreateSubjectKey(3 + t, SubjectNumber(i % 100));
        EXPECT_EQ(KeyOf(2, SubjectNumber(0)), lasting);
        EXPECT_TRUE(keyring_->SubjectsOf(2)->Find(SubjectNumber(0))->has_value());
      }
    });
  }
  for (int i = 0; i < kRounds; ++i) {
    EXPECT_THAT(Forget(SubjectNumber(i), {1}), IsOk());
    EXPECT_THAT(keyring_->Purge(), IsOk());
    EXPECT_THAT(Files(wrapped[i]), IsEmpty()) << "round " << i;
  }
  done = true;
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace expunge
