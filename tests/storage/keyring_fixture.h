#ifndef EXPUNGE_TESTS_STORAGE_KEYRING_FIXTURE_H_
#define EXPUNGE_TESTS_STORAGE_KEYRING_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "rocksdb/db.h"
#include "storage/keyring.h"
#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {

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

  // Makes a random key and returns its bytes.
  std::string CreateSubjectKey(ModelUid model, const Pseudonym& subject) {
    const DataKey key = DataKey::Random();
    const std::pair<Pseudonym, const DataKey*> entry(subject, &key);
    EXPECT_THAT(keyring_->CreateSubjectKeys(model, {&entry, 1}), IsOk());
    return std::string(key.bytes());
  }
  CheckpointKeyId CreateCheckpointKey(ShardId shard, uint32_t slice) {
    const CheckpointKeyId id = RandomCheckpointKeyId();
    EXPECT_THAT(keyring_->CreateCheckpointKey(shard, slice, id, DataKey::Random()), IsOk());
    return id;
  }

  // The key's bytes; empty when there is none.
  std::string SubjectKey(ModelUid model, const Pseudonym& subject) const {
    const auto key = keyring_->GetSubjectKey(model, subject);
    EXPECT_THAT(key, IsOk());
    const auto has = keyring_->HasSubjectKey(model, subject);
    EXPECT_THAT(has, IsOk());
    EXPECT_EQ(*has, key->has_value());
    return key->has_value() ? std::string((*key)->bytes()) : "";
  }
  bool HasCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id) const {
    const auto key = keyring_->GetCheckpointKey(shard, slice, id);
    EXPECT_THAT(key, IsOk());
    return key->has_value();
  }

  // The keyring must be closed.
  std::unique_ptr<rocksdb::DB> OpenDatabase() const {
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(rocksdb::Options(), Options().path, &db).ok());
    return std::unique_ptr<rocksdb::DB>(db);
  }
  std::string StoredBytes(const std::string& place) const {
    std::string bytes;
    EXPECT_TRUE(OpenDatabase()->Get(rocksdb::ReadOptions(), place, &bytes).ok());
    return bytes;
  }
  void StoreBytes(const std::string& place, const std::string& bytes) const {
    EXPECT_TRUE(OpenDatabase()->Put(rocksdb::WriteOptions(), place, bytes).ok());
  }

  const TempDir directory_;
  rocksdb::Env* env_ = nullptr;
  std::unique_ptr<Keyring> keyring_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_STORAGE_KEYRING_FIXTURE_H_
