// A whole keyring made without this code, in the middle of a rotation: this code must be able to use it, for ever.

#include <sys/stat.h>

#include "storage/master_key.h"
#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;

constexpr ModelUid kModel = 0x01020304;
constexpr ShardId kShard{kModel, 0x0a0b0c0d};
constexpr uint32_t kSlice = 0x102;
const Pseudonym kSubject = Counting<Pseudonym>(0x40);
const SampleKey kSample = Counting<SampleKey>(0x80);

class GoldenKeyringTest : public KeyringTest {
 protected:
  GoldenKeyringTest() {
    MakeFromGoldenFile();
    std::ofstream(Options().master_key_file, std::ios::binary) << AsBytes(Counting<Digest>(0x20));
    EXPECT_EQ(chmod(Options().master_key_file.c_str(), 0600), 0);
    Open();
  }

  // Lines "<column family> <name> <key> <value>"; an empty value is "-".
  void MakeFromGoldenFile() {
    rocksdb::DBOptions options = KeyringOptions(nullptr);
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, Options().path, KeyringFamilies(), &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    std::istringstream lines(ReadFile(EXPUNGE_TEST_DATA "/storage_keyring_v2.hex"));
    std::string family, name, key, value;
    int rows = 0;
    while (lines >> family >> name >> key >> value) {
      for (rocksdb::ColumnFamilyHandle* handle : handles) {
        if (handle->GetName() != family) continue;
        ++rows;
        EXPECT_TRUE(db->Put(rocksdb::WriteOptions(), handle, FromHex(key), value == "-" ? "" : FromHex(value)).ok());
      }
    }
    EXPECT_EQ(rows, 20);
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }

  void ExpectKeys() {
    EXPECT_EQ(keyring_->PseudonymOf("person-000001"),
              Pseudonym(KeyedHash(AsBytes(Counting<Digest>(0)), {"subject", "person-000001"})));
    const auto key = keyring_->GetSubjectKey(kModel, kSubject);
    ASSERT_TRUE(key.ok() && key->has_value()) << key.status();
    EXPECT_EQ((*key)->id, Counting<KeyId>(0x11));
    EXPECT_EQ((*key)->key.bytes(), AsBytes(Counting<Digest>(1)));
    EXPECT_EQ(**keyring_->GetSubjectKeyId(kModel, kSubject), Counting<KeyId>(0x11));
    EXPECT_EQ(KeyOf(kShard, kSlice, Counting<CheckpointKeyId>(0xc0)), AsBytes(Counting<Digest>(0x21)));
    const auto rekey = keyring_->GetRekey(kModel, kSubject);
    ASSERT_TRUE(rekey.ok() && rekey->has_value()) << rekey.status();
    EXPECT_EQ((*rekey)->erasure, 12);
    EXPECT_EQ((*rekey)->shard, 3);
    EXPECT_EQ(AsBytes((*rekey)->old_key.id), "01234567");
    EXPECT_EQ((*rekey)->old_key.key.bytes(), AsBytes(Counting<Digest>(0x31)));
    EXPECT_THAT((*rekey)->erased,
                ElementsAre(SampleKeyFromBytes("0123456789abcdef"), SampleKeyFromBytes("fedcba9876543210")));
  }
};

TEST_F(GoldenKeyringTest, ItsKeysOpen) {
  EXPECT_FALSE(keyring_->is_new());
  ExpectKeys();
  uint64_t subjects = 0, checkpoints = 0;
  // It is on the suppression list, too: nothing but that is wrong with its key.
  const auto revived = [](const absl::Status& status) {
    EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, "FORGOTTEN_SUBJECT_REVIVED"));
  };
  ASSERT_THAT(keyring_->VerifyKeys(revived, &subjects, &checkpoints), IsOk());
  EXPECT_EQ(subjects, 1);
  EXPECT_EQ(checkpoints, 1);
}

TEST_F(GoldenKeyringTest, ItsModelsAreNumberedOn) {
  EXPECT_EQ(*keyring_->NextModelUid(), kModel + 1);
  const auto dead = keyring_->ListDeadModels();
  ASSERT_TRUE(dead.ok() && dead->size() == 1) << dead.status();
  EXPECT_EQ(dead->front().model, 77);
  EXPECT_EQ(dead->front().deleted, absl::FromUnixMicros(1700000000000000));
  EXPECT_TRUE(dead->front().reclaimed);
}

TEST_F(GoldenKeyringTest, ItsMarkIsThatOfItsDeploymentAndGeneration) {
  const auto mark = keyring_->Mark();
  ASSERT_THAT(mark, IsOk());
  EXPECT_EQ(mark->deployment(), AsBytes(KeyedHash(AsBytes(Counting<Digest>(0)), {"deployment"})));
  EXPECT_EQ(mark->generation(), 0x0102030405060708);
  EXPECT_EQ(mark->newest_erasure(), 12);
}

TEST_F(GoldenKeyringTest, ItsErasureIsFound) {
  const auto erasure = keyring_->erasures().Find("0123456789abcdef");
  ASSERT_TRUE(erasure.ok() && erasure->has_value()) << erasure.status();
  EXPECT_EQ((*erasure)->sequence(), 12);
  EXPECT_EQ((*erasure)->failure(), "the device is full");
  EXPECT_EQ(*keyring_->erasures().Last(), 12);
  EXPECT_THAT(*keyring_->erasures().PendingIn({2, 0}), ElementsAre(12));
  int unfinished = 0;
  ASSERT_THAT(keyring_->erasures().ScanUnfinished([&](const records::Erasure&) { return ++unfinished > 0; }), IsOk());
  EXPECT_EQ(unfinished, 1);
}

TEST_F(GoldenKeyringTest, ItsSuppressionsHold) {
  EXPECT_TRUE(keyring_->GetSuppression(1, kSubject)->subject);
  EXPECT_FALSE(keyring_->GetSuppression(5, kSubject)->subject) << "consent";
  EXPECT_FALSE(keyring_->GetSuppression(1, kSubject)->some_samples);
  EXPECT_TRUE(keyring_->GetSuppression(6, kSubject)->some_samples);
  EXPECT_TRUE(*keyring_->IsSampleSuppressed(6, kSubject, kSample));
  EXPECT_FALSE(*keyring_->IsSampleSuppressed(1, kSubject, kSample));
}

TEST_F(GoldenKeyringTest, ItsTracesOpen) {
  EXPECT_THAT(*keyring_->ListTraces(0, 10), ElementsAre(12));
  const auto traces = keyring_->GetTraces(12);
  ASSERT_TRUE(traces.ok() && traces->has_value()) << traces.status();
  EXPECT_EQ((*traces)->pseudonym(), "0123456789abcdef0123456789abcdef");
  EXPECT_THAT((*traces)->models(), ElementsAre(1, 300));
}

TEST_F(GoldenKeyringTest, ItsRotationCanBeFinished) {
  const std::string new_file = directory_ / "new.key";
  ASSERT_THAT(CreateMasterKey(new_file), IsOk());
  const auto new_key = LoadMasterKey(new_file);
  ASSERT_THAT(keyring_->Rotate(**new_key, [&] { return ReplaceMasterKey(new_file, Options().master_key_file); }),
              IsOk());
  Reopen();
  ExpectKeys();
}

}  // namespace
}  // namespace expunge
