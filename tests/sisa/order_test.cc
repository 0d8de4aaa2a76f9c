#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "sisa/schedule.h"
#include "tests/sisa/random_bytes.h"

namespace expunge {
namespace {

using Order = std::vector<uint32_t>;

ModelSpec SpecWithSeed(uint64_t seed) {
  ModelSpec spec;
  spec.training.seed = seed;
  return spec;
}

std::vector<SampleKey> Visited(const std::vector<SampleKey>& keys, const Order& order) {
  std::vector<SampleKey> visited;
  for (uint32_t index : order) visited.push_back(keys.at(index));
  return visited;
}

// Encrypts the samples one at a time and lets a map sort them.
Order ReferenceOrder(uint64_t seed, uint32_t shard, uint32_t slice, uint32_t epoch,
                     const std::vector<SampleKey>& keys) {
  const Digest cipher_key = KeyedHash(
      LittleEndian(seed), {"expunge.order.v1", LittleEndian(shard), LittleEndian(slice), LittleEndian(epoch)});
  std::map<std::vector<uint8_t>, uint32_t> sorted;
  for (uint32_t i = 0; i < keys.size(); ++i) {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    std::vector<uint8_t> encrypted(32);
    int written = 0;
    EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, cipher_key.data(), nullptr);
    EVP_EncryptUpdate(context, encrypted.data(), &written, keys[i].data(), 16);
    EVP_CIPHER_CTX_free(context);
    encrypted.resize(written);
    EXPECT_TRUE(sorted.emplace(encrypted, i).second);
  }
  Order order;
  for (const auto& [encrypted, index] : sorted) order.push_back(index);
  return order;
}

TEST(EpochOrderTest, IsPinned) {
  std::vector<SampleKey> keys(12);
  for (uint8_t i = 0; i < 12; ++i) keys[i].fill(i);
  EXPECT_EQ(EpochOrder(SpecWithSeed(42), 5, 2, 1, keys), Order({6, 5, 1, 10, 0, 8, 11, 3, 2, 4, 9, 7}));
}

TEST(EpochOrderTest, EqualsTheReference) {
  std::mt19937_64 random(4);
  for (size_t size : {0, 1, 2, 3, 100, 511, 512, 513, 1024, 1500}) {  // around the size of a piece
    for (int round = 0; round < 10; ++round) {
      const auto keys = RandomKeys(size, &random);
      const uint64_t seed = random();
      const uint32_t shard = random() % kMaxShards;
      const uint32_t slice = random() % kMaxSlices;
      const uint32_t epoch = random() % kMaxEpochs;
      const Order order = EpochOrder(SpecWithSeed(seed), shard, slice, epoch, keys);
      ASSERT_EQ(order, ReferenceOrder(seed, shard, slice, epoch, keys)) << size << " samples";
    }
  }
}

TEST(EpochOrderTest, IsAPermutation) {
  std::mt19937_64 random(5);
  Order order = EpochOrder(SpecWithSeed(1), 0, 0, 0, RandomKeys(20'000, &random));
  std::sort(order.begin(), order.end());
  Order all(20'000);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(order, all);
}

TEST(EpochOrderTest, TakingSamplesOutLeavesTheOrderOfTheOthers) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 300; ++round) {
    const auto keys = RandomKeys(random() % 200, &random);
    const uint32_t epoch = random() % 5;
    std::vector<SampleKey> remaining;
    std::set<SampleKey> gone;
    for (const SampleKey& key : keys) {
      if (random() % 4 == 0) {
        gone.insert(key);
      } else {
        remaining.push_back(key);
      }
    }
    auto expected = Visited(keys, EpochOrder(SpecWithSeed(9), 3, 2, epoch, keys));
    std::erase_if(expected, [&](const SampleKey& key) { return gone.contains(key); });
    ASSERT_EQ(Visited(remaining, EpochOrder(SpecWithSeed(9), 3, 2, epoch, remaining)), expected);
  }
}

TEST(EpochOrderTest, DoesNotDependOnTheOrderOfItsInput) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 100; ++round) {
    const auto keys = RandomKeys(random() % 100, &random);
    auto shuffled = keys;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    ASSERT_EQ(Visited(keys, EpochOrder(SpecWithSeed(9), 1, 1, 1, keys)),
              Visited(shuffled, EpochOrder(SpecWithSeed(9), 1, 1, 1, shuffled)));
  }
}

TEST(EpochOrderTest, DiffersByModelSeedShardSliceAndEpoch) {
  std::mt19937_64 random(8);
  const auto keys = RandomKeys(50, &random);
  std::set<Order> seen;
  for (uint64_t seed : {1, 2}) {
    for (uint32_t shard = 0; shard < 4; ++shard) {
      for (uint32_t slice = 0; slice < 4; ++slice) {
        for (uint32_t epoch = 0; epoch < 4; ++epoch) {
          EXPECT_TRUE(seen.insert(EpochOrder(SpecWithSeed(seed), shard, slice, epoch, keys)).second);
        }
      }
    }
  }
}

TEST(EpochOrderTest, EverySampleIsEquallyLikelyAtEveryPosition) {
  constexpr int kSamples = 10;
  constexpr int kRounds = 10'000;
  std::mt19937_64 random(9);
  const auto keys = RandomKeys(kSamples, &random);
  int counts[kSamples][kSamples] = {};
  for (uint32_t epoch = 0; epoch < kRounds; ++epoch) {
    const Order order = EpochOrder(SpecWithSeed(1), 0, 0, epoch, keys);
    for (int position = 0; position < kSamples; ++position) ++counts[order[position]][position];
  }
  for (const auto& row : counts) {
    for (int count : row) EXPECT_NEAR(count, kRounds / kSamples, 180);  // six standard deviations
  }
}

}  // namespace
}  // namespace expunge
