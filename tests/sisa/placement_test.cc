#include "sisa/placement.h"

#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/sisa/random_bytes.h"

namespace expunge {
namespace {

constexpr ErasureLikelihood kAll[] = {ErasureLikelihood::kUnspecified, ErasureLikelihood::kLow,
                                      ErasureLikelihood::kHigh};

ModelSpec Spec(uint64_t seed, uint32_t shards, uint32_t slices) {
  ModelSpec spec;
  spec.training.seed = seed;
  spec.sisa = {.shards = shards, .slices = slices};
  return spec;
}

std::vector<Pseudonym> Subjects(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Pseudonym> subjects(count);
  for (Pseudonym& subject : subjects) subject = RandomBytes<Pseudonym>(&random);
  return subjects;
}

// Pearson's statistic lies within six standard deviations of its mean under a uniform distribution.
void ExpectUniform(const std::vector<int>& counts) {
  double total = 0;
  for (int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  double statistic = 0;
  for (int count : counts) statistic += (count - expected) * (count - expected) / expected;
  const double freedom = static_cast<double>(counts.size()) - 1;
  EXPECT_LE(statistic, freedom + 6 * std::sqrt(2 * freedom));
}

// floor(random * count / 2^64) by long multiplication, byte by byte from the lowest.
uint32_t ReferenceScale(const uint8_t* random, uint64_t count) {
  uint64_t carry = 0;
  for (int i = 0; i < 8; ++i) carry = (carry + random[i] * count) / 256;
  return static_cast<uint32_t>(carry);
}

TEST(PlaceTest, IsPinned) {  // moving a subject would lose it: the shard is computed, not stored
  Pseudonym zeros = {};
  Pseudonym counting;
  for (uint8_t i = 0; i < 32; ++i) counting[i] = i;
  Pseudonym ones;
  ones.fill(0xff);
  const auto unspecified = ErasureLikelihood::kUnspecified;
  const auto low = ErasureLikelihood::kLow;
  const auto high = ErasureLikelihood::kHigh;
  EXPECT_EQ(Place(Spec(0, 8, 8), zeros, unspecified), (Placement{2, 6}));
  EXPECT_EQ(Place(Spec(0, 8, 8), zeros, low), (Placement{2, 3}));
  EXPECT_EQ(Place(Spec(0, 8, 8), zeros, high), (Placement{2, 7}));
  EXPECT_EQ(Place(Spec(42, 7, 5), counting, unspecified), (Placement{3, 3}));
  EXPECT_EQ(Place(Spec(42, 7, 5), counting, low), (Placement{3, 2}));
  EXPECT_EQ(Place(Spec(42, 7, 5), counting, high), (Placement{3, 4}));
  EXPECT_EQ(Place(Spec(~uint64_t{0}, 8, 8), ones, unspecified), (Placement{2, 5}));
  EXPECT_EQ(Place(Spec(~uint64_t{0}, 8, 8), ones, low), (Placement{2, 2}));
  EXPECT_EQ(Place(Spec(~uint64_t{0}, 8, 8), ones, high), (Placement{2, 6}));
}

TEST(PlaceTest, EqualsTheReference) {
  std::mt19937_64 random(10);
  for (const Pseudonym& subject : Subjects(5000, 11)) {
    const ModelSpec spec = Spec(random(), 1 + random() % kMaxShards, 1 + random() % kMaxSlices);
    const Digest hash = KeyedHash(LittleEndian(spec.training.seed), {"expunge.placement.v1", AsBytes(subject)});
    const uint32_t slices = spec.sisa.slices;
    const uint32_t shard = ReferenceScale(hash.data(), spec.sisa.shards);
    ASSERT_EQ(Place(spec, subject, ErasureLikelihood::kUnspecified),
              (Placement{shard, ReferenceScale(&hash[8], slices)}));
    std::vector<uint32_t> earlier;
    std::vector<uint32_t> later;
    for (uint32_t slice = 0; slice < slices; ++slice) {
      if (2 * slice + 1 <= slices)
        earlier.push_back(slice);  // its middle is in the first half, or it is the middle one
      if (2 * slice + 1 >= slices) later.push_back(slice);
    }
    ASSERT_EQ(Place(spec, subject, ErasureLikelihood::kLow),
              (Placement{shard, earlier[ReferenceScale(&hash[8], earlier.size())]}));
    ASSERT_EQ(Place(spec, subject, ErasureLikelihood::kHigh),
              (Placement{shard, later[ReferenceScale(&hash[8], later.size())]}));
  }
}

TEST(PlaceTest, IsUniformOverShardsAndSlicesTogether) {
  for (const auto& [shards, slices] : std::vector<std::pair<uint32_t, uint32_t>>{{8, 8}, {7, 5}, {1, 13}, {100, 3}}) {
    std::vector<int> counts(shards * slices);
    for (const Pseudonym& subject : Subjects(40'000, 12)) {
      const Placement place = Place(Spec(3, shards, slices), subject, ErasureLikelihood::kUnspecified);
      ASSERT_LT(place.shard, shards);
      ASSERT_LT(place.slice, slices);
      ++counts[place.shard * slices + place.slice];
    }
    ExpectUniform(counts);
  }
}

TEST(PlaceTest, ConsecutivePseudonymsAreAsUniform) {
  std::vector<int> counts(64);
  Pseudonym subject = {};
  for (int i = 0; i < 20'000; ++i) {
    subject[0] = static_cast<uint8_t>(i);
    subject[1] = static_cast<uint8_t>(i >> 8);
    const Placement place = Place(Spec(0, 8, 8), subject, ErasureLikelihood::kUnspecified);
    ++counts[place.shard * 8 + place.slice];
  }
  ExpectUniform(counts);
}

TEST(PlaceTest, LikelyLeaversGoToTheLaterHalf) {
  for (uint32_t slices : {1u, 2u, 3u, 8u, 9u}) {
    const uint32_t half = (slices + 1) / 2;
    std::vector<int> low(slices);
    std::vector<int> high(slices);
    for (const Pseudonym& subject : Subjects(20'000, 13)) {
      ++low[Place(Spec(3, 4, slices), subject, ErasureLikelihood::kLow).slice];
      ++high[Place(Spec(3, 4, slices), subject, ErasureLikelihood::kHigh).slice];
    }
    for (uint32_t slice = half; slice < slices; ++slice) EXPECT_EQ(low[slice], 0) << slices << " slices";
    for (uint32_t slice = 0; slice < slices - half; ++slice) EXPECT_EQ(high[slice], 0) << slices << " slices";
    ExpectUniform({low.begin(), low.begin() + half});
    ExpectUniform({high.end() - half, high.end()});
  }
}

TEST(PlaceTest, TheShardDoesNotDependOnTheLikelihoodOrTheSlices) {
  for (const Pseudonym& subject : Subjects(1000, 14)) {
    const uint32_t shard = Place(Spec(3, 16, 1), subject, ErasureLikelihood::kUnspecified).shard;
    for (uint32_t slices : {1u, 7u, 64u}) {
      for (ErasureLikelihood likelihood : kAll) ASSERT_EQ(Place(Spec(3, 16, slices), subject, likelihood).shard, shard);
    }
  }
}

TEST(PlaceTest, OneShardAndOneSliceTakeEverybody) {
  for (const Pseudonym& subject : Subjects(100, 15)) {
    for (ErasureLikelihood likelihood : kAll) EXPECT_EQ(Place(Spec(3, 1, 1), subject, likelihood), Placement());
  }
}

TEST(PlaceTest, AnotherModelSeedPlacesAnew) {
  std::vector<int> counts(64);  // shard under one seed x shard under the other
  for (const Pseudonym& subject : Subjects(20'000, 16)) {
    const uint32_t first = Place(Spec(1, 8, 8), subject, ErasureLikelihood::kUnspecified).shard;
    const uint32_t second = Place(Spec(2, 8, 8), subject, ErasureLikelihood::kUnspecified).shard;
    ++counts[first * 8 + second];
  }
  ExpectUniform(counts);
}

}  // namespace
}  // namespace expunge
