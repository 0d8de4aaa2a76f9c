#include "storage/keyring.h"

#include <set>

#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::IsEmpty;
using testing::Not;

TEST_F(KeyringTest, KeysSurviveAReopen) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  const CheckpointKeyId id = CreateCheckpointKey({1, 2}, 3);
  const std::string checkpoint_key = KeyOf({1, 2}, 3, id);
  Reopen();
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key);
  EXPECT_EQ(KeyOf({1, 2}, 3, id), checkpoint_key);
  EXPECT_EQ(KeyOf(2, SubjectNumber(1)), "");
  EXPECT_EQ(KeyOf(1, SubjectNumber(2)), "");
  EXPECT_FALSE(HasCheckpointKey({1, 2}, 3, RandomCheckpointKeyId()));
  EXPECT_FALSE(HasCheckpointKey({1, 2}, 4, id));
  EXPECT_FALSE(HasCheckpointKey({1, 3}, 3, id));
}

TEST_F(KeyringTest, AKeyThatExistsIsReplaced) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const KeyId older = **keyring_->GetSubjectKeyId(1, SubjectNumber(1));
  const std::string newer = CreateSubjectKey(1, SubjectNumber(1));
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), newer);
  EXPECT_NE(**keyring_->GetSubjectKeyId(1, SubjectNumber(1)), older);
}

TEST_F(KeyringTest, AnAdmissionWithoutAKeyLeavesTheKeyThatThereIs) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  Keyring::Admission admissions[2];
  admissions[0].subject = SubjectNumber(1);
  admissions[0].consent = true;
  admissions[1].subject = SubjectNumber(2);
  ASSERT_THAT(keyring_->AdmitSubjects(1, admissions), IsOk());
  EXPECT_EQ(KeyOf(1, SubjectNumber(1)), key);
  EXPECT_EQ(KeyOf(1, SubjectNumber(2)), "");
}

TEST_F(KeyringTest, ACursorFindsTheSubjectsThatExistInAnyOrder) {
  Open();
  CreateSubjectKeys(1, 0, 100);
  CreateSubjectKeys(1, 150, 50);
  CreateSubjectKeys(2, 0, 300);
  const auto exists = [](int number) { return number < 100 || (number >= 150 && number < 200); };
  const std::unique_ptr<Keyring::SubjectCursor> cursor = keyring_->SubjectsOf(1);
  for (const int step : {1, 3, 15, 16, 17, 40, -1, -7}) {
    for (int i = 0; i < 300; ++i) {
      const int number = ((i * step) % 300 + 300) % 300;
      const auto found = cursor->Find(SubjectNumber(number));
      ASSERT_THAT(found, IsOk());
      ASSERT_EQ(found->has_value(), exists(number)) << "subject " << number << ", step " << step;
      if (exists(number)) {
        EXPECT_EQ(*found, *keyring_->GetSubjectKeyId(1, SubjectNumber(number)));
      }
    }
  }
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
  EXPECT_EQ(AsBytes((*keyring)->ForgottenName(Counting<Pseudonym>(0x40))), golden["forgotten_name"]);
}

TEST_F(KeyringTest, HashesSurviveAReopenAndDifferBetweenKeyrings) {
  Open();
  const Pseudonym pseudonym = keyring_->PseudonymOf("person");
  const Digest forgotten = keyring_->ForgottenName(pseudonym);
  Reopen();
  EXPECT_EQ(keyring_->PseudonymOf("person"), pseudonym);
  EXPECT_EQ(keyring_->ForgottenName(pseudonym), forgotten);

  const TempDir other_directory;
  const auto other =
      Keyring::Open({.path = other_directory / "keyring", .master_key_file = other_directory / "master.key"});
  ASSERT_THAT(other, IsOk());
  EXPECT_NE((*other)->PseudonymOf("person"), pseudonym);
  EXPECT_NE((*other)->ForgottenName(pseudonym), forgotten);
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

TEST_F(KeyringTest, NoKeyIsStoredUnwrapped) {
  Open();
  const std::string key = CreateSubjectKey(1, SubjectNumber(1));
  const std::string id(AsBytes(**keyring_->GetSubjectKeyId(1, SubjectNumber(1))));
  const std::string checkpoint_key = KeyOf({1, 0}, 0, CreateCheckpointKey({1, 0}, 0));
  const std::string rekeyed = ForgetSamples({1, 0}, SubjectNumber(1), {SampleNumber(1)});
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(Options().path, id), Not(IsEmpty())) << "the control finds nothing";
  for (const std::string& bytes : {key, checkpoint_key, rekeyed, ReadFile(Options().master_key_file)}) {
    ASSERT_EQ(bytes.size(), 32);
    EXPECT_THAT(FilesWith(Options().path, bytes), IsEmpty());
  }
}

TEST_F(KeyringTest, AWrappedKeyDoesNotOpenInAnotherPlace) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  const CheckpointKeyId id = CreateCheckpointKey({1, 0}, 0);
  Close();
  StoreBytes(EncodeSubjectDataKeyKey(1, SubjectNumber(2)), StoredBytes(EncodeSubjectDataKeyKey(1, SubjectNumber(1))));
  StoreBytes(EncodeCheckpointDataKeyKey({1, 0}, 1, id),
             StoredBytes(EncodeCheckpointDataKeyKey({1, 0}, 0, id), kCheckpointKeys), kCheckpointKeys);
  Open();
  EXPECT_THAT(keyring_->GetSubjectKey(1, SubjectNumber(2)), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(keyring_->GetCheckpointKey({1, 0}, 1, id), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
}

TEST_F(KeyringTest, AChangedOrUnknownValueIsDataLoss) {
  Open();
  CreateSubjectKey(1, SubjectNumber(1));
  Close();
  const std::string place = EncodeSubjectDataKeyKey(1, SubjectNumber(1));
  const std::string stored = StoredBytes(place);
  const auto read = [&](const std::string& bytes) {
    StoreBytes(place, bytes);
    Open();
    const absl::Status status = keyring_->GetSubjectKey(1, SubjectNumber(1)).status();
    Close();
    return status;
  };
  std::string changed = stored;
  changed.back() ^= 1;
  EXPECT_THAT(read(changed), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  changed = stored;
  changed[12] ^= 1;  // the last byte of the root key's epoch
  EXPECT_THAT(read(changed), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(read(stored.substr(0, 11)), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(read(stored.substr(0, 8)), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(read(""), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  changed = stored;
  changed[0] = 2;
  const absl::Status unknown = read(changed);
  EXPECT_THAT(unknown, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(std::string(unknown.message()), testing::HasSubstr("the keyring"));
  EXPECT_THAT(std::string(unknown.message()), testing::HasSubstr("version 2"));
  EXPECT_THAT(read(stored), IsOk());
}

TEST_F(KeyringTest, DestroyedCheckpointKeysAreThoseFromASliceOn) {
  Open();
  std::vector<CheckpointKeyId> ids;
  for (uint32_t slice = 0; slice < 4; ++slice) ids.push_back(CreateCheckpointKey({1, 0}, slice));
  const CheckpointKeyId second_of_slice = CreateCheckpointKey({1, 0}, 3);
  const CheckpointKeyId other_shard = CreateCheckpointKey({1, 1}, 3);
  const CheckpointKeyId other_model = CreateCheckpointKey({2, 0}, 3);
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_THAT(keyring_->DestroyCheckpointKeys({{1, 0}, 2}), IsOk());
    for (uint32_t slice = 0; slice < 4; ++slice) EXPECT_EQ(HasCheckpointKey({1, 0}, slice, ids[slice]), slice < 2);
    EXPECT_FALSE(HasCheckpointKey({1, 0}, 3, second_of_slice));
    EXPECT_TRUE(HasCheckpointKey({1, 1}, 3, other_shard));
    EXPECT_TRUE(HasCheckpointKey({2, 0}, 3, other_model));
    Reopen();
  }
}

TEST_F(KeyringTest, VerifyKeysNamesEachThatDoesNotOpen) {
  Open();
  for (int i = 0; i < 5; ++i) CreateSubjectKey(1, SubjectNumber(i));
  const CheckpointKeyId good = CreateCheckpointKey({1, 0}, 0), bad = CreateCheckpointKey({1, 0}, 1);
  std::vector<absl::Status> damaged;
  uint64_t subjects = 99, checkpoints = 99;
  const auto verify = [&] {
    damaged.clear();
    ASSERT_THAT(keyring_->VerifyKeys([&](absl::Status status) { damaged.push_back(status); }, &subjects, &checkpoints),
                IsOk());
    EXPECT_EQ(subjects, 5);
    EXPECT_EQ(checkpoints, 2);
  };
  verify();
  EXPECT_THAT(damaged, IsEmpty());
  Close();
  StoreBytes(EncodeSubjectDataKeyKey(1, SubjectNumber(3)), StoredBytes(EncodeSubjectDataKeyKey(1, SubjectNumber(4))));
  StoreBytes(EncodeCheckpointDataKeyKey({1, 0}, 1, bad),
             StoredBytes(EncodeCheckpointDataKeyKey({1, 0}, 0, good), kCheckpointKeys), kCheckpointKeys);
  Open();
  verify();
  ASSERT_THAT(damaged, testing::SizeIs(2));
  for (const absl::Status& status : damaged) {
    EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  }
}

TEST(CheckpointKeyIdTest, IsRandom) {
  std::set<CheckpointKeyId> ids;
  for (int i = 0; i < 100; ++i) ids.insert(RandomCheckpointKeyId());
  EXPECT_EQ(ids.size(), 100);
}

TEST(SubjectKeyTest, IsRandom) {
  std::set<KeyId> ids;
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    const SubjectKey key = SubjectKey::Random();
    ids.insert(key.id);
    keys.emplace(key.key.bytes());
  }
  EXPECT_EQ(ids.size(), 100);
  EXPECT_EQ(keys.size(), 100);
}

}  // namespace
}  // namespace expunge
