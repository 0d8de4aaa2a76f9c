#ifndef EXPUNGE_TESTS_STORAGE_FIXTURES_H_
#define EXPUNGE_TESTS_STORAGE_FIXTURES_H_

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/data_key.h"
#include "storage/keyring.h"
#include "storage/rocks_store.h"
#include "storage/store.h"
#include "tests/testing/status_matchers.h"

namespace expunge {

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline std::string FromHex(const std::string& hex) { return absl::HexStringToBytes(hex); }

// A golden file of lines "<name> <hex>".
inline std::map<std::string, std::string> ReadGolden(const std::string& file) {
  std::istringstream lines(ReadFile(EXPUNGE_TEST_DATA "/" + file));
  std::map<std::string, std::string> golden;
  std::string name, hex;
  while (lines >> name >> hex) golden[name] = FromHex(hex);
  return golden;
}

// Names of the files below `directory` that hold `bytes` anywhere.
inline std::vector<std::string> FilesWith(const std::string& directory, const std::string& bytes) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    if (ReadFile(entry.path()).find(bytes) != std::string::npos) found.push_back(entry.path().filename());
  }
  return found;
}

// The bytes first, first + 1, ...
template <typename Array>
Array Counting(uint8_t first) {
  Array array;
  for (auto& byte : array) byte = first++;
  return array;
}

inline Pseudonym SubjectNumber(int number) { return KeyedHash("tests", {"subject", std::to_string(number)}); }

inline SampleKey SampleNumber(int number) {
  SampleKey key = {};
  for (int i = 0; i < 4; ++i) key[i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return key;
}

inline KeyId KeyIdNumber(int number) {
  KeyId id = {};
  id[0] = static_cast<uint8_t>(number);
  return id;
}

// A subject with these samples; what is sealed in each is "sealed <number>".
inline SubjectUpdate Update(uint32_t shard, const Pseudonym& subject, std::initializer_list<int> samples) {
  SubjectUpdate update;
  update.shard = shard;
  update.subject = subject;
  update.row.set_key_id(std::string(AsBytes(KeyIdNumber(1))));
  for (const int number : samples) {
    records::Subject::Sample* const sample = update.row.add_samples();
    sample->set_key(std::string(AsBytes(SampleNumber(number))));
    sample->set_digest(std::string(AsBytes(Sha256(std::to_string(number)))));
    update.added.push_back({SampleNumber(number), "sealed " + std::to_string(number)});
  }
  return update;
}

// The subject leaves with these samples, which are all that it has.
inline SubjectUpdate Removal(uint32_t shard, const Pseudonym& subject, std::initializer_list<int> samples) {
  SubjectUpdate update;
  update.shard = shard;
  update.subject = subject;
  for (const int number : samples) update.removed.push_back(SampleNumber(number));
  return update;
}

inline std::string UuidNumber(uint64_t number) {
  return std::string(AsBytes(Sha256(std::to_string(number)))).substr(0, 16);
}

// IN_PROGRESS, with a task that is not retrained for each (shard, first slice).
inline records::Erasure ErasureOf(ErasureSequence sequence, const Pseudonym& subject,
                                  std::initializer_list<std::pair<ShardId, uint32_t>> tasks) {
  records::Erasure erasure;
  erasure.set_sequence(sequence);
  erasure.set_uuid(UuidNumber(sequence));
  erasure.set_subject(std::string(AsBytes(Sha256(AsBytes(subject)))));  // not the pseudonym itself
  erasure.set_state(records::Erasure::IN_PROGRESS);
  for (const auto& [shard, first_slice] : tasks) {
    records::Erasure::ShardTask* const task = erasure.add_tasks();
    task->set_model(shard.model);
    task->set_shard(shard.shard);
    task->set_first_slice(first_slice);
  }
  return erasure;
}

inline records::Model ModelNamed(const std::string& name) {
  records::Model model;
  model.set_name(name);
  return model;
}

inline records::Checkpoint CheckpointWithSteps(uint64_t steps) {
  records::Checkpoint checkpoint;
  checkpoint.set_steps(steps);
  return checkpoint;
}

// What a view shows of a shard: each subject's samples, from both scans, which must agree.
inline std::map<Pseudonym, std::map<SampleKey, std::string>> Contents(StoreView* view, ShardId shard) {
  std::map<Pseudonym, std::map<SampleKey, std::string>> listed, stored;
  EXPECT_THAT(view->ScanSubjects(shard,
                                 [&](const Pseudonym& subject, const records::Subject& row) {
                                   for (const auto& sample : row.samples()) {
                                     SampleKey key;
                                     std::copy(sample.key().begin(), sample.key().end(), key.begin());
                                     listed[subject][key];
                                   }
                                   return absl::OkStatus();
                                 }),
              IsOk());
  EXPECT_THAT(view->ScanSamples(shard,
                                [&](const Pseudonym& subject, const SampleKey& key, std::string_view sealed) {
                                  EXPECT_EQ(listed[subject].count(key), 1);
                                  stored[subject][key] = sealed;
                                  return absl::OkStatus();
                                }),
              IsOk());
  EXPECT_EQ(listed.size(), stored.size());
  for (const auto& [subject, samples] : listed) EXPECT_EQ(samples.size(), stored[subject].size());
  return stored;
}

// A store that can be closed and opened again.
class ReopenableStore {
 public:
  explicit ReopenableStore(std::string path, rocksdb::Env* env = nullptr, uint64_t reserved_free_bytes = 0)
      : options_{.path = std::move(path), .env = env, .reserved_free_bytes = reserved_free_bytes} {
    Open();
  }

  Store* operator->() const { return store_.get(); }
  Store* get() const { return store_.get(); }
  void Close() { store_.reset(); }
  void Open() {
    auto opened = OpenRocksStore(options_);
    ASSERT_THAT(opened, IsOk());
    store_ = *std::move(opened);
  }
  void Reopen() {
    Close();
    Open();
  }

 private:
  const RocksStoreOptions options_;
  std::unique_ptr<Store> store_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_STORAGE_FIXTURES_H_
