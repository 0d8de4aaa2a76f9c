#include "storage/keyring.h"

#include <set>

#include "rocksdb/env.h"
#include "storage/keys.h"
#include "storage/master_key.h"
#include "tests/storage/keyring_fixture.h"
#include "tests/testing/faulty_file_system.h"

namespace expunge {
namespace {

TEST_F(KeyringTest, KeysSurviveAReopen) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  const CheckpointKeyId id = CreateCheckpointKey({1, 2}, 3);
  Reopen();
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), key);
  EXPECT_TRUE(HasCheckpointKey({1, 2}, 3, id));
  EXPECT_EQ(SubjectKey(2, SubjectNumber(1)), "");
  EXPECT_EQ(SubjectKey(1, SubjectNumber(2)), "");
  EXPECT_FALSE(HasCheckpointKey({1, 2}, 3, RandomCheckpointKeyId()));
}

TEST_F(KeyringTest, AKeyThatExistsIsReplaced) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const std::string newer = CreateSubjectKey(1, SubjectNumber(1));
  EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), newer);
}

TEST_F(KeyringTest, HashesEqualTheGoldenFile) {
  Keyring::Options options = Options();
  options.pepper = Counting<Digest>(0);
  const auto keyring = Keyring::Open(options);
  ASSERT_THAT(keyring, IsOk());
  auto golden = ReadGolden("storage_hashes_v1.hex");
  EXPECT_EQ(AsBytes((*keyring)->PseudonymOf("person-000001")), golden["pseudonym"]);
  EXPECT_EQ(AsBytes((*keyring)->SampleKeyOf("person-000001", "sample-7")), golden["sample_key"]);
  EXPECT_EQ(AsBytes((*keyring)->PepperedHash({"purpose", "part"})), golden["peppered_hash"]);
}

TEST_F(KeyringTest, HashesSurviveAReopenAndDifferBetweenKeyrings) {
  Open();
  const Pseudonym pseudonym = keyring_->PseudonymOf("person");
  Reopen();
  EXPECT_EQ(keyring_->PseudonymOf("person"), pseudonym);

  const TempDir other_directory;
  const auto other =
      Keyring::Open({.path = other_directory / "keyring", .master_key_file = other_directory / "master.key"});
  ASSERT_THAT(other, IsOk());
  EXPECT_NE((*other)->PseudonymOf("person"), pseudonym);
}

TEST_F(KeyringTest, APepperIsTakenByANewKeyringOnly) {
  Open();
  const Pseudonym pseudonym = keyring_->PseudonymOf("person");
  Close();
  Keyring::Options options = Options();
  options.pepper = Counting<Digest>(0);
  const auto keyring = Keyring::Open(options);
  ASSERT_THAT(keyring, IsOk());
  EXPECT_EQ((*keyring)->PseudonymOf("person"), pseudonym);
}

TEST_F(KeyringTest, UnwrapsTheGoldenValue) {
  const std::string file = directory_ / "golden.key";
  std::ofstream(file, std::ios::binary) << AsBytes(Counting<Digest>(0x20));
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  const auto master_key = MasterKey::Load(file);
  ASSERT_THAT(master_key, IsOk());
  const std::string place = EncodeSubjectDataKeyKey(0x01020304, Counting<Pseudonym>(0x40));
  const auto key = master_key->Unwrap(place, ReadGolden("storage_sealed_v1.hex")["wrapped_key"]);
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->bytes(), AsBytes(Counting<Digest>(1)));
}

TEST_F(KeyringTest, NoKeyIsStoredUnwrapped) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(Options().path, key), testing::IsEmpty());
}

TEST_F(KeyringTest, AWrappedKeyDoesNotOpenInAnotherPlace) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  Close();
  StoreBytes(EncodeSubjectDataKeyKey(1, SubjectNumber(2)), StoredBytes(EncodeSubjectDataKeyKey(1, SubjectNumber(1))));
  Open();
  EXPECT_THAT(keyring_->GetSubjectKey(1, SubjectNumber(2)), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
}

TEST_F(KeyringTest, AChangedOrUnknownValueIsDataLoss) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  Close();
  const std::string place = EncodeSubjectDataKeyKey(1, SubjectNumber(1));
  const std::string stored = StoredBytes(place);
  std::string changed = stored;
  changed.back() ^= 1;
  StoreBytes(place, changed);
  Open();
  EXPECT_THAT(keyring_->GetSubjectKey(1, SubjectNumber(1)), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  Close();
  changed = stored;
  changed[0] = 2;
  StoreBytes(place, changed);
  Open();
  const auto unknown = keyring_->GetSubjectKey(1, SubjectNumber(1));
  EXPECT_THAT(unknown, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(std::string(unknown.status().message()), testing::HasSubstr("wrapped key"));
  EXPECT_THAT(std::string(unknown.status().message()), testing::HasSubstr("version 2"));
}

TEST_F(KeyringTest, DestroyTakesWhatItNamesAndNothingElse) {
  Open();
  const std::string kept = CreateSubjectKey(1, SubjectNumber(2));
  const std::string kept_elsewhere = CreateSubjectKey(2, SubjectNumber(1));
  CreateSubjectKey(1, SubjectNumber(1));
  std::vector<CheckpointKeyId> ids;
  for (uint32_t slice = 0; slice < 4; ++slice) ids.push_back(CreateCheckpointKey({1, 0}, slice));
  const CheckpointKeyId second_of_slice = CreateCheckpointKey({1, 0}, 3);
  const CheckpointKeyId other_shard = CreateCheckpointKey({1, 1}, 3);

  const Keyring::Destruction destruction = {.subjects = {{1, SubjectNumber(1)}},
                                            .checkpoints = {{.shard = {1, 0}, .first_slice = 2}}};
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_THAT(keyring_->Destroy(destruction), IsOk());
    EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), "");
    EXPECT_EQ(SubjectKey(1, SubjectNumber(2)), kept);
    EXPECT_EQ(SubjectKey(2, SubjectNumber(1)), kept_elsewhere);
    for (uint32_t slice = 0; slice < 4; ++slice) EXPECT_EQ(HasCheckpointKey({1, 0}, slice, ids[slice]), slice < 2);
    EXPECT_FALSE(HasCheckpointKey({1, 0}, 3, second_of_slice));
    EXPECT_TRUE(HasCheckpointKey({1, 1}, 3, other_shard));
    Reopen();
  }
}

TEST_F(KeyringTest, DestroyOfAModelTakesAllItsKeys) {
  Open();
  for (int i = 0; i < 10; ++i) CreateSubjectKey(1, SubjectNumber(i));
  const CheckpointKeyId id = CreateCheckpointKey({1, 7}, 0);
  const std::string other = CreateSubjectKey(2, SubjectNumber(1));
  ASSERT_THAT(keyring_->Destroy({.models = {1}}), IsOk());
  Reopen();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(SubjectKey(1, SubjectNumber(i)), "");
  EXPECT_FALSE(HasCheckpointKey({1, 7}, 0, id));
  EXPECT_EQ(SubjectKey(2, SubjectNumber(1)), other);
}

TEST_F(KeyringTest, OneCheckpointKeyCanBeDestroyedAlone) {
  Open();
  const CheckpointKeyId first = CreateCheckpointKey({1, 0}, 0);
  const CheckpointKeyId second = CreateCheckpointKey({1, 0}, 0);
  ASSERT_THAT(keyring_->DestroyCheckpointKey({1, 0}, 0, first), IsOk());
  EXPECT_FALSE(HasCheckpointKey({1, 0}, 0, first));
  EXPECT_TRUE(HasCheckpointKey({1, 0}, 0, second));
}

TEST_F(KeyringTest, ADestroyThatFailsAtAnyWriteIsAllOrNothing) {
  bool reached_every_write = false;
  for (int writes = 0; !reached_every_write; ++writes) {
    SCOPED_TRACE(writes);
    const TempDir directory;
    const auto files = std::make_shared<FaultyFileSystem>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
    const Keyring::Options options = {
        .path = directory / "keyring", .master_key_file = directory / "master.key", .env = env.get()};
    auto opened = Keyring::Open(options);
    ASSERT_THAT(opened, IsOk());
    keyring_ = *std::move(opened);
    CreateSubjectKey(1, SubjectNumber(1));
    CreateSubjectKey(1, SubjectNumber(2));
    const CheckpointKeyId id = CreateCheckpointKey({1, 0}, 0);
    const Keyring::Destruction destruction = {.subjects = {{1, SubjectNumber(1)}, {1, SubjectNumber(2)}},
                                              .checkpoints = {{.shard = {1, 0}, .first_slice = 0}}};

    files->FailAfter(writes, FaultyFileSystem::Fault::kNoSpace);
    const absl::Status destroyed = keyring_->Destroy(destruction);
    reached_every_write = destroyed.ok();
    if (!destroyed.ok()) {
      EXPECT_THAT(destroyed, Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
      files->Heal();
      // The error latches: what was written is not known until the keyring is read again.
      EXPECT_THAT(keyring_->Destroy(destruction), Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
      EXPECT_THAT(keyring_->Sync(), Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
      EXPECT_THAT(keyring_->Purge(), Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
    }
    files->Heal();
    Close();
    auto reopened = Keyring::Open(options);
    ASSERT_THAT(reopened, IsOk());
    keyring_ = *std::move(reopened);
    const bool first = !SubjectKey(1, SubjectNumber(1)).empty();
    EXPECT_EQ(!SubjectKey(1, SubjectNumber(2)).empty(), first);
    EXPECT_EQ(HasCheckpointKey({1, 0}, 0, id), first);
    if (destroyed.ok()) {
      EXPECT_FALSE(first);
    }
    ASSERT_THAT(keyring_->Destroy(destruction), IsOk());
    EXPECT_EQ(SubjectKey(1, SubjectNumber(1)), "");
    EXPECT_FALSE(HasCheckpointKey({1, 0}, 0, id));
    Close();
  }
}

TEST_F(KeyringTest, AFailingDeviceIsUnavailable) {
  const auto files = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
  env_ = env.get();
  Open();
  files->FailAfter(0, FaultyFileSystem::Fault::kIoError);
  const DataKey key = DataKey::Random();
  EXPECT_THAT(keyring_->CreateCheckpointKey({1, 0}, 0, RandomCheckpointKeyId(), key),
              Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
  files->Heal();
  EXPECT_THAT(keyring_->CreateCheckpointKey({1, 0}, 0, RandomCheckpointKeyId(), key),
              Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
  Reopen();
  EXPECT_THAT(keyring_->CreateCheckpointKey({1, 0}, 0, RandomCheckpointKeyId(), key), IsOk());
  Close();
}

TEST(CheckpointKeyIdTest, IsRandom) {
  std::set<CheckpointKeyId> ids;
  for (int i = 0; i < 100; ++i) ids.insert(RandomCheckpointKeyId());
  EXPECT_EQ(ids.size(), 100);
}

}  // namespace
}  // namespace expunge
