#include "sisa/lineage.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/specs.h"
#include "tests/sisa/random_bytes.h"

namespace expunge {
namespace {

using Samples = std::vector<SampleInSlice>;

constexpr uint32_t kShard = 5;
constexpr char kEnvironment[] = "test-environment";

ModelSpec SpecWithSlices(uint32_t slices) {
  ModelSpec spec = MlpSpec();
  spec.sisa.slices = slices;
  return spec;
}

std::vector<Lineage> Compute(uint32_t slices, const Samples& samples) {
  return ComputeLineages(SpecWithSlices(slices), kEnvironment, kShard, samples);
}

SampleInSlice RandomSample(uint32_t slices, std::mt19937_64* random) {
  return {.slice = static_cast<uint32_t>((*random)() % slices),
          .key = RandomBytes<SampleKey>(random),
          .digest = RandomBytes<Digest>(random)};
}

Samples RandomSamples(uint32_t slices, size_t count, std::mt19937_64* random) {
  Samples samples;
  for (size_t i = 0; i < count; ++i) samples.push_back(RandomSample(slices, random));
  return samples;
}

std::string Prefixed(std::string_view bytes) { return LittleEndian(bytes.size()) + std::string(bytes); }

// The formula of the header over whole strings.
std::vector<Lineage> Reference(const ModelSpec& spec, std::string_view environment, uint32_t shard,
                               const Samples& samples) {
  std::vector<std::map<std::string, std::string>> slices(spec.sisa.slices);
  for (const SampleInSlice& sample : samples) {
    slices.at(sample.slice)[std::string(AsBytes(sample.key))] = AsBytes(sample.digest);
  }
  Lineage previous = Sha256(Prefixed("expunge.lineage.root.v1") + Prefixed(CanonicalBytes(spec)) +
                            Prefixed(environment) + LittleEndian(shard));
  std::vector<Lineage> lineages;
  for (size_t r = 0; r < slices.size(); ++r) {
    std::string bytes = Prefixed("expunge.lineage.slice.v1") + std::string(AsBytes(previous)) + LittleEndian(r) +
                        LittleEndian(slices[r].size());
    for (const auto& [key, digest] : slices[r]) bytes += key + digest;
    lineages.push_back(previous = Sha256(bytes));
  }
  return lineages;
}

// Equal before slice `first`, different from there on.
void ExpectDifferFrom(uint32_t first, const std::vector<Lineage>& a, const std::vector<Lineage>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (uint32_t r = 0; r < a.size(); ++r) ASSERT_EQ(a[r] == b[r], r < first) << "slice " << r << ", changed " << first;
}

TEST(ComputeLineagesTest, EqualsTheGoldenFile) {
  Samples samples(3);
  for (uint8_t i = 0; i < 3; ++i) {
    samples[i].slice = i == 2 ? 2 : 0;
    samples[i].key.fill(i + 1);
    samples[i].digest.fill(i + 101);
  }
  std::ifstream file(EXPUNGE_TEST_DATA "/lineage_v1.hex");
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  std::string lines;
  for (const Lineage& lineage : Compute(3, samples)) lines += ToHex(AsBytes(lineage)) + "\n";
  EXPECT_EQ(lines, golden);
}

TEST(ComputeLineagesTest, EqualsTheReference) {
  std::mt19937_64 random(20);
  for (int round = 0; round < 300; ++round) {
    const uint32_t slices = 1 + random() % 12;
    const Samples samples = RandomSamples(slices, random() % 60, &random);
    const uint32_t shard = random() % kMaxShards;
    ASSERT_EQ(ComputeLineages(SpecWithSlices(slices), "env", shard, samples),
              Reference(SpecWithSlices(slices), "env", shard, samples));
  }
}

TEST(ComputeLineagesTest, DoesNotDependOnTheOrderOfTheSamples) {
  std::mt19937_64 random(21);
  for (int round = 0; round < 100; ++round) {
    Samples samples = RandomSamples(4, random() % 60, &random);
    const auto before = Compute(4, samples);
    std::shuffle(samples.begin(), samples.end(), random);
    ASSERT_EQ(Compute(4, samples), before);
  }
}

TEST(ComputeLineagesTest, AnyChangeInASliceShowsFromThereOnAndNotBefore) {
  std::mt19937_64 random(22);
  for (int round = 0; round < 500; ++round) {
    const uint32_t slices = 1 + random() % 8;
    const Samples samples = RandomSamples(slices, 1 + random() % 40, &random);
    const auto before = Compute(slices, samples);
    const size_t chosen = random() % samples.size();
    const uint32_t slice = samples[chosen].slice;

    Samples without = samples;
    without.erase(without.begin() + static_cast<ptrdiff_t>(chosen));
    ExpectDifferFrom(slice, before, Compute(slices, without));

    Samples with = samples;
    with.push_back(RandomSample(slices, &random));
    ExpectDifferFrom(with.back().slice, before, Compute(slices, with));

    Samples other_content = samples;
    other_content[chosen].digest[random() % 32] ^= 1;
    ExpectDifferFrom(slice, before, Compute(slices, other_content));

    Samples other_key = samples;
    other_key[chosen].key[random() % 16] ^= 1;
    ExpectDifferFrom(slice, before, Compute(slices, other_key));

    Samples moved = samples;
    moved[chosen].slice = random() % slices;
    const uint32_t first = moved[chosen].slice == slice ? slices : std::min(slice, moved[chosen].slice);
    ExpectDifferFrom(first, before, Compute(slices, moved));
  }
}

TEST(ComputeLineagesTest, TakingAChangeBackGivesTheOldLineagesAgain) {
  std::mt19937_64 random(23);
  Samples samples = RandomSamples(4, 30, &random);
  const auto before = Compute(4, samples);
  const SampleInSlice taken = samples[7];
  samples.erase(samples.begin() + 7);
  EXPECT_NE(Compute(4, samples), before);
  samples.push_back(taken);
  EXPECT_EQ(Compute(4, samples), before);
}

TEST(ComputeLineagesTest, ConfigurationEnvironmentAndShardShowFromTheFirstSliceOn) {
  std::mt19937_64 random(24);
  const Samples samples = RandomSamples(4, 30, &random);
  const ModelSpec spec = SpecWithSlices(4);
  const auto before = ComputeLineages(spec, "env", 0, samples);
  ModelSpec other = spec;
  other.training.seed += 1;
  ExpectDifferFrom(0, before, ComputeLineages(other, "env", 0, samples));
  other = spec;
  other.training.epochs += 1;
  ExpectDifferFrom(0, before, ComputeLineages(other, "env", 0, samples));
  ExpectDifferFrom(0, before, ComputeLineages(spec, "env2", 0, samples));
  ExpectDifferFrom(0, before, ComputeLineages(spec, "", 0, samples));
  ExpectDifferFrom(0, before, ComputeLineages(spec, "env", 1, samples));
  other = spec;
  other.labels[0] = "renamed";
  EXPECT_EQ(ComputeLineages(other, "env", 0, samples), before);
}

TEST(ComputeLineagesTest, TheNumberOfSlicesShows) { EXPECT_NE(Compute(3, {})[0], Compute(4, {})[0]); }

TEST(ComputeLineagesTest, EmptySlicesHaveLineagesOfTheirOwn) {
  const auto lineages = Compute(6, {});
  EXPECT_EQ(lineages.size(), 6u);
  EXPECT_EQ(std::set<Lineage>(lineages.begin(), lineages.end()).size(), 6u);
}

// The sample's fields could be read as the beginning of a next slice, had the counts no place in the digest.
TEST(ComputeLineagesTest, SplittingASliceElsewhereShows) {
  std::mt19937_64 random(25);
  const Samples samples = RandomSamples(1, 6, &random);
  std::set<std::vector<Lineage>> seen;
  for (uint32_t assignment = 0; assignment < 64; ++assignment) {  // every way to deal six samples to two slices
    Samples dealt = samples;
    for (uint32_t i = 0; i < 6; ++i) dealt[i].slice = assignment >> i & 1;
    EXPECT_TRUE(seen.insert(Compute(2, dealt)).second);
  }
}

TEST(ComputeLineagesDeathTest, ASampleThatNoSliceCoversIsFatal) {
  EXPECT_DEATH(Compute(2, {SampleInSlice{.slice = 2}}), "");
}

}  // namespace
}  // namespace expunge
