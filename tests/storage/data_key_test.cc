#include "storage/data_key.h"

#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "tests/storage/fixtures.h"

namespace expunge {
namespace {

DataKey GoldenKey() { return *DataKey::FromBytes(AsBytes(Counting<Digest>(1))); }

TEST(DataKeyTest, OpensWhatItSealed) {
  const DataKey key = DataKey::Random();
  for (const size_t size : {0, 1, 15, 16, 17, 784, 100'000}) {
    const std::string plaintext(size, 'x');
    const std::string sealed = key.Seal("context", plaintext);
    EXPECT_EQ(sealed.size(), 12 + size + 16);
    const auto opened = key.Open("context", sealed);
    ASSERT_THAT(opened, IsOk());
    EXPECT_EQ(*opened, plaintext);
  }
}

TEST(DataKeyTest, OpensTheGoldenValue) {
  const auto opened = GoldenKey().Open("its place", ReadGolden("storage_sealed_v1.hex")["sealed_value"]);
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened, "what is sealed");
}

TEST(DataKeyTest, FingerprintEqualsTheGoldenValue) {
  EXPECT_EQ(AsBytes(GoldenKey().Fingerprint({"first", "second"})), ReadGolden("storage_hashes_v1.hex")["fingerprint"]);
}

TEST(DataKeyTest, FingerprintsDifferByKeyAndParts) {
  const DataKey key = DataKey::Random();
  EXPECT_EQ(key.Fingerprint({"a", "b"}), key.Fingerprint({"a", "b"}));
  EXPECT_NE(key.Fingerprint({"a", "b"}), key.Fingerprint({"ab"}));
  EXPECT_NE(key.Fingerprint({"a", "b"}), DataKey::Random().Fingerprint({"a", "b"}));
}

TEST(DataKeyTest, AValueIsBoundToItsContext) {
  const DataKey key = DataKey::Random();
  const std::string sealed = key.Seal("here", "plaintext");
  EXPECT_THAT(key.Open("there", sealed), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(key.Open("", sealed), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
}

TEST(DataKeyTest, AnotherKeyDoesNotOpen) {
  const std::string sealed = DataKey::Random().Seal("context", "plaintext");
  EXPECT_THAT(DataKey::Random().Open("context", sealed), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
}

TEST(DataKeyTest, EveryChangedBitAndEveryCutIsNoticed) {
  const DataKey key = DataKey::Random();
  const std::string sealed = key.Seal("context", "plaintext");
  for (size_t i = 0; i < sealed.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = sealed;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      EXPECT_THAT(key.Open("context", changed), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
    }
    EXPECT_THAT(key.Open("context", sealed.substr(0, i)), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  }
}

TEST(DataKeyTest, RefusesKeysOfAnotherLength) {
  EXPECT_THAT(DataKey::FromBytes(std::string(31, 'k')), testing::Not(IsOk()));
  EXPECT_THAT(DataKey::FromBytes(std::string(33, 'k')), testing::Not(IsOk()));
}

TEST(DataKeyTest, MovingLeavesNothingBehind) {
  DataKey key = DataKey::Random();
  const std::string bytes(key.bytes());
  const DataKey moved = std::move(key);
  EXPECT_EQ(moved.bytes(), bytes);
  EXPECT_EQ(key.bytes(), std::string(32, '\0'));  // NOLINT(bugprone-use-after-move): what is left is the point

  DataKey assigned = DataKey::Random();
  DataKey other = DataKey::Random();
  const std::string other_bytes(other.bytes());
  assigned = std::move(other);
  EXPECT_EQ(assigned.bytes(), other_bytes);
  EXPECT_EQ(other.bytes(), std::string(32, '\0'));  // NOLINT(bugprone-use-after-move): a moved-from key must be wiped
}

TEST(DataKeyTest, NoncesNeverRepeatAcrossThreads) {
  const DataKey key = DataKey::Random();
  std::vector<std::set<std::string>> nonces(4);
  std::vector<std::thread> threads;
  for (auto& seen : nonces) {
    threads.emplace_back([&key, &seen] {
      for (int i = 0; i < 2000; ++i) seen.insert(key.Seal("", "").substr(0, 12));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& seen : nonces) all.insert(seen.begin(), seen.end());
  EXPECT_EQ(all.size(), 4 * 2000);
}

TEST(DataKeyTest, NoncesDoNotRepeatAfterAFork) {
  const DataKey key = DataKey::Random();
  key.Seal("", "");  // fills this thread's pool
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string nonce = key.Seal("", "").substr(0, 12);
    _exit(write(channel[1], nonce.data(), nonce.size()) == 12 ? 0 : 1);
  }
  const std::string ours = key.Seal("", "").substr(0, 12);
  std::string theirs(12, '\0');
  ASSERT_EQ(read(channel[0], theirs.data(), theirs.size()), 12);
  EXPECT_NE(ours, theirs);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(channel[0]);
  close(channel[1]);
}

}  // namespace
}  // namespace expunge
