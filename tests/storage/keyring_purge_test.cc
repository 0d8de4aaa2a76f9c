#include <atomic>
#include <thread>

#include "storage/keys.h"
#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

class KeyringPurgeTest : public KeyringTest {
 protected:
  // What the keyring's files hold for these keys.
  std::vector<std::string> WrappedBytes(const std::vector<std::string>& places) {
    Close();
    std::vector<std::string> wrapped;
    for (const std::string& place : places) wrapped.push_back(StoredBytes(place).substr(1));
    Open();
    return wrapped;
  }
};

TEST_F(KeyringPurgeTest, DestroyedKeysVanishFromEveryFile) {
  Open();
  for (int i = 0; i < 200; ++i) CreateSubjectKey(1, SubjectNumber(i));
  const CheckpointKeyId id = CreateCheckpointKey({1, 0}, 3);
  const std::vector<std::string> wrapped =
      WrappedBytes({EncodeSubjectDataKeyKey(1, SubjectNumber(7)), EncodeCheckpointDataKeyKey({1, 0}, 3, id)});
  const std::string kept = WrappedBytes({EncodeSubjectDataKeyKey(1, SubjectNumber(8))})[0];
  ASSERT_THAT(keyring_->Purge(), IsOk());  // the keys are in the lowest level now, and in no WAL

  ASSERT_THAT(keyring_->Destroy({.subjects = {{1, SubjectNumber(7)}}, .checkpoints = {{{1, 0}, 0}}}), IsOk());
  for (const std::string& bytes : wrapped) {
    EXPECT_THAT(FilesWith(directory_.path(), bytes), testing::Not(testing::IsEmpty())) << "the control finds nothing";
  }
  ASSERT_THAT(keyring_->Purge(), IsOk());
  for (const std::string& bytes : wrapped) EXPECT_THAT(FilesWith(directory_.path(), bytes), testing::IsEmpty());
  EXPECT_THAT(FilesWith(directory_.path(), kept), testing::Not(testing::IsEmpty()));
  Reopen();
  for (const std::string& bytes : wrapped) EXPECT_THAT(FilesWith(directory_.path(), bytes), testing::IsEmpty());
  EXPECT_NE(SubjectKey(1, SubjectNumber(8)), "");
}

TEST_F(KeyringPurgeTest, AKeyThatWasOnlyEverInTheWalVanishes) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const std::string wrapped = WrappedBytes({EncodeSubjectDataKeyKey(1, SubjectNumber(1))})[0];
  ASSERT_THAT(keyring_->Destroy({.subjects = {{1, SubjectNumber(1)}}}), IsOk());
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(directory_.path(), wrapped), testing::IsEmpty());
}

TEST_F(KeyringPurgeTest, AReplacedKeyVanishes) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const std::string wrapped = WrappedBytes({EncodeSubjectDataKeyKey(1, SubjectNumber(1))})[0];
  CreateSubjectKey(1, SubjectNumber(1));
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(directory_.path(), wrapped), testing::IsEmpty());
  EXPECT_NE(SubjectKey(1, SubjectNumber(1)), "");
}

TEST_F(KeyringPurgeTest, AllKeysOfADestroyedModelVanish) {
  Open();
  std::vector<std::string> places;
  for (int i = 0; i < 50; ++i) {
    CreateSubjectKey(1, SubjectNumber(i));
    places.push_back(EncodeSubjectDataKeyKey(1, SubjectNumber(i)));
  }
  const std::vector<std::string> wrapped = WrappedBytes(places);
  ASSERT_THAT(keyring_->Purge(), IsOk());
  ASSERT_THAT(keyring_->Destroy({.models = {1}}), IsOk());
  ASSERT_THAT(keyring_->Purge(), IsOk());
  for (const std::string& bytes : wrapped) EXPECT_THAT(FilesWith(directory_.path(), bytes), testing::IsEmpty());
}

TEST_F(KeyringPurgeTest, WorksWhileOthersReadAndWrite) {
  Open();
  constexpr int kRounds = 8;
  std::vector<std::string> places;
  for (int i = 0; i < kRounds; ++i) {
    CreateSubjectKey(1, SubjectNumber(i));
    places.push_back(EncodeSubjectDataKeyKey(1, SubjectNumber(i)));
  }
  const std::string lasting = CreateSubjectKey(2, SubjectNumber(0));
  const std::vector<std::string> wrapped = WrappedBytes(places);

  std::atomic<bool> done = false;
  std::vector<std::thread> others;
  for (int t = 0; t < 2; ++t) {
    others.emplace_back([this, t, &done, &lasting] {
      for (int i = 0; !done; ++i) {
        CreateSubjectKey(3 + t, SubjectNumber(i % 100));
        EXPECT_EQ(SubjectKey(2, SubjectNumber(0)), lasting);
      }
    });
  }
  for (int i = 0; i < kRounds; ++i) {
    EXPECT_THAT(keyring_->Destroy({.subjects = {{1, SubjectNumber(i)}}}), IsOk());
    EXPECT_THAT(keyring_->Purge(), IsOk());
    EXPECT_THAT(FilesWith(directory_.path(), wrapped[i]), testing::IsEmpty()) << "round " << i;
  }
  done = true;
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace expunge
