#ifndef EXPUNGE_TESTS_STORAGE_KEYRING_FIXTURE_H_
#define EXPUNGE_TESTS_STORAGE_KEYRING_FIXTURE_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rocksdb/db.h"
#include "storage/keyring.h"
#include "storage/keys.h"
#include "storage/rocks_options.h"
#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {

// The RocksDB of a keyring, opened without it.
class KeyringDatabase {
 public:
  KeyringDatabase(const std::string& path, bool read_only) {
    const rocksdb::DBOptions options = KeyringOptions(nullptr);
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        read_only ? rocksdb::DB::OpenForReadOnly(options, path, KeyringFamilies(), &handles_, &opened)
                  : rocksdb::DB::Open(options, path, KeyringFamilies(), &handles_, &opened);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(opened);
  }
  ~KeyringDatabase() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  }
  KeyringDatabase(const KeyringDatabase&) = delete;
  KeyringDatabase& operator=(const KeyringDatabase&) = delete;

  std::string Get(const std::string& key, KeyringFamily family = kKeys) const {
    std::string bytes;
    EXPECT_TRUE(db_->Get(rocksdb::ReadOptions(), handles_[family], key, &bytes).ok());
    return bytes;
  }
  void Put(const std::string& key, const std::string& bytes, KeyringFamily family = kKeys) const {
    EXPECT_TRUE(db_->Put(rocksdb::WriteOptions(), handles_[family], key, bytes).ok());
  }
  void Delete(const std::string& key, KeyringFamily family = kKeys) const {
    EXPECT_TRUE(db_->Delete(rocksdb::WriteOptions(), handles_[family], key).ok());
  }
  // All rows of a family, in order.
  std::vector<std::pair<std::string, std::string>> Rows(KeyringFamily family = kKeys) const {
    std::vector<std::pair<std::string, std::string>> rows;
    const std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(rocksdb::ReadOptions(), handles_[family]));
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
      rows.emplace_back(row->key().ToString(), row->value().ToString());
    }
    return rows;
  }
  std::vector<rocksdb::LiveFileMetaData> Files() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    db_->GetLiveFilesMetaData(&files);
    return files;
  }
  // Those of the keys.
  std::vector<rocksdb::LiveFileMetaData> KeyFiles() const {
    std::vector<rocksdb::LiveFileMetaData> files = Files();
    std::erase_if(files, [](const auto& file) { return file.column_family_name != rocksdb::kDefaultColumnFamilyName; });
    return files;
  }

 private:
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::unique_ptr<rocksdb::DB> db_;
};

// A keyring in a directory of its own, which can be closed and opened again.
class KeyringTest : public testing::Test {
 protected:
  Keyring::Options Options() const {
    return {.path = directory_ / "keyring", .master_key_file = directory_ / "master.key", .env = env_};
  }

  void Open() {
    auto opened = Keyring::Open(Options());
    ASSERT_THAT(opened, IsOk());
    keyring_ = *std::move(opened);
  }
  void Close() { keyring_.reset(); }
  void Reopen() {
    Close();
    Open();
  }

  // --- keys. A subject's or checkpoint's key is told by its bytes; empty when there is none.

  // Makes a random one.
  std::string CreateSubjectKey(ModelUid model, const Pseudonym& subject) {
    const SubjectKey key = SubjectKey::Random();
    Keyring::Admission admission;
    admission.subject = subject;
    admission.new_key = &key;
    EXPECT_THAT(keyring_->AdmitSubjects(model, {&admission, 1}), IsOk());
    return std::string(key.key.bytes());
  }
  // Of subjects first, first + 1, ..., in few writes.
  void CreateSubjectKeys(ModelUid model, int first, int count) {
    constexpr int kBatch = 1000;
    for (int begin = first; begin < first + count; begin += kBatch) {
      const int end = std::min(begin + kBatch, first + count);
      std::vector<SubjectKey> keys;
      for (int number = begin; number < end; ++number) keys.push_back(SubjectKey::Random());
      std::vector<Keyring::Admission> admissions(keys.size());
      for (size_t i = 0; i < keys.size(); ++i) {
        admissions[i].subject = SubjectNumber(begin + static_cast<int>(i));
        admissions[i].new_key = &keys[i];
      }
      ASSERT_THAT(keyring_->AdmitSubjects(model, admissions), IsOk());
    }
  }
  std::string KeyOf(ModelUid model, const Pseudonym& subject) const {
    const auto key = keyring_->GetSubjectKey(model, subject);
    EXPECT_THAT(key, IsOk());
    const auto id = keyring_->GetSubjectKeyId(model, subject);
    EXPECT_THAT(id, IsOk());
    if (!key.ok() || !id.ok()) return "an error";
    EXPECT_EQ(id->has_value(), key->has_value());
    if (!key->has_value()) return "";
    EXPECT_EQ(**id, (*key)->id);
    return std::string((*key)->key.bytes());
  }
  CheckpointKeyId CreateCheckpointKey(ShardId shard, uint32_t slice) {
    const CheckpointKeyId id = RandomCheckpointKeyId();
    EXPECT_THAT(keyring_->CreateCheckpointKey(shard, slice, id, DataKey::Random()), IsOk());
    return id;
  }
  std::string KeyOf(ShardId shard, uint32_t slice, const CheckpointKeyId& id) const {
    const auto key = keyring_->GetCheckpointKey(shard, slice, id);
    EXPECT_THAT(key, IsOk());
    return key.ok() && key->has_value() ? std::string((*key)->bytes()) : "";
  }
  bool HasCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id) const {
    return !KeyOf(shard, slice, id).empty();
  }

  // --- erasures, numbered 1, 2, ...

  // Of everything that these models have of the subject.
  absl::Status Forget(const Pseudonym& subject, std::vector<ModelUid> models,
                      std::vector<Keyring::Checkpoints> checkpoints = {}) {
    const records::Erasure erasure = ErasureOf(++last_sequence_, subject, {});
    Keyring::ErasureWrite write;
    write.erasure = &erasure;
    write.subject = subject;
    write.forgotten_in = std::move(models);
    write.checkpoints = std::move(checkpoints);
    return keyring_->RecordErasures({&write, 1});
  }
  // Of these samples of one subject, which keeps others and gets a new key; returns that key's bytes.
  std::string ForgetSamples(ShardId shard, const Pseudonym& subject, std::vector<SampleKey> samples) {
    const records::Erasure erasure = ErasureOf(++last_sequence_, subject, {});
    const auto old_key = keyring_->GetSubjectKey(shard.model, subject);
    EXPECT_THAT(old_key, IsOk());
    const SubjectKey new_key = SubjectKey::Random();
    Keyring::ErasureWrite write;
    write.erasure = &erasure;
    write.subject = subject;
    write.partial.push_back({.model = shard.model,
                             .shard = shard.shard,
                             .old_key = &**old_key,
                             .new_key = &new_key,
                             .erased = std::move(samples)});
    EXPECT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
    return std::string(new_key.key.bytes());
  }

  // --- the stored bytes

  // A read-only one sees an open keyring as its files and WAL are now; for another one it must be closed.
  std::unique_ptr<KeyringDatabase> OpenDatabase(bool read_only = false) const {
    return std::make_unique<KeyringDatabase>(Options().path, read_only);
  }
  std::string StoredBytes(const std::string& place, KeyringFamily family = kKeys) const {
    return OpenDatabase(/*read_only=*/true)->Get(place, family);
  }
  void StoreBytes(const std::string& place, const std::string& bytes, KeyringFamily family = kKeys) const {
    OpenDatabase()->Put(place, bytes, family);
  }

  const TempDir directory_;
  rocksdb::Env* env_ = nullptr;
  std::unique_ptr<Keyring> keyring_;
  ErasureSequence last_sequence_ = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_STORAGE_KEYRING_FIXTURE_H_
