#include "sisa/schedule.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace expunge {
namespace {

using Epochs = std::vector<uint32_t>;

// Hands each slice 2e credits, lets it buy epochs at R + 1 credits each and keep the change for the next one. A slice
// that cannot pay takes its one epoch on debt.
Epochs ReferenceEpochs(int64_t epochs, int64_t slices) {
  Epochs result;
  int64_t credits = 0;
  for (int64_t slice = 0; slice < slices; ++slice) {
    credits += 2 * epochs;
    uint32_t bought = 0;
    while (bought == 0 || credits >= slices + 1) {
      ++bought;
      credits -= slices + 1;
    }
    result.push_back(bought);
  }
  return result;
}

// What the schedule costs, in slices visited: slice r of 1 .. R visits r slices in each epoch.
int64_t Cost(const Epochs& schedule) {
  int64_t cost = 0;
  for (size_t r = 1; r <= schedule.size(); ++r) cost += static_cast<int64_t>(r * schedule[r - 1]);
  return cost;
}

TEST(EpochsPerSliceTest, Examples) {
  EXPECT_EQ(EpochsPerSlice(18, 8), Epochs(8, 4));
  EXPECT_EQ(EpochsPerSlice(10, 1), Epochs({10}));
  EXPECT_EQ(EpochsPerSlice(5, 3), Epochs({2, 3, 2}));                  // 2.5 each
  EXPECT_EQ(EpochsPerSlice(10, 8), Epochs({2, 2, 2, 2, 3, 2, 2, 2}));  // 2.22 each
  EXPECT_EQ(EpochsPerSlice(1, 4), Epochs(4, 1));
  EXPECT_EQ(EpochsPerSlice(1, 1), Epochs({1}));
}

TEST(EpochsPerSliceTest, EqualsTheReferenceThatCarriesFractions) {
  for (uint32_t epochs = 1; epochs <= 70; ++epochs) {
    for (uint32_t slices = 1; slices <= 50; ++slices) {
      ASSERT_EQ(EpochsPerSlice(epochs, slices), ReferenceEpochs(epochs, slices)) << epochs << " epochs, " << slices;
    }
  }
  for (uint32_t slices : {1u, 2u, 255u, kMaxSlices}) {
    EXPECT_EQ(EpochsPerSlice(kMaxEpochs, slices), ReferenceEpochs(kMaxEpochs, slices)) << slices << " slices";
  }
}

TEST(EpochsPerSliceTest, CostsWhatPlainTrainingWould) {
  for (int64_t epochs = 1; epochs <= 200; ++epochs) {
    for (int64_t slices = 1; slices <= 64; ++slices) {
      const Epochs schedule = EpochsPerSlice(epochs, slices);
      ASSERT_EQ(schedule.size(), static_cast<size_t>(slices));
      ASSERT_GE(*std::min_element(schedule.begin(), schedule.end()), 1u);
      const int64_t plain = epochs * slices;
      if (2 * epochs % (slices + 1) == 0) {
        ASSERT_EQ(Cost(schedule), plain) << epochs << " epochs, " << slices << " slices";
      } else if (2 * epochs > slices) {
        ASSERT_LT(std::abs(Cost(schedule) - plain), slices) << epochs << " epochs, " << slices << " slices";
      } else {
        ASSERT_EQ(schedule, Epochs(slices, 1));
      }
    }
  }
}

TEST(InitializationSeedTest, IsPinned) {
  ModelSpec spec;
  spec.training.seed = 42;
  EXPECT_EQ(ToHex(AsBytes(InitializationSeed(spec, 5))),
            "115e705a367c567b4442f0555698c6f1e58d689de244020f585181d443cea209");
}

TEST(InitializationSeedTest, DiffersByModelSeedAndShard) {
  std::set<Digest> seen;
  for (uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    ModelSpec spec;
    spec.training.seed = seed;
    for (uint32_t shard = 0; shard < 50; ++shard) EXPECT_TRUE(seen.insert(InitializationSeed(spec, shard)).second);
  }
}

}  // namespace
}  // namespace expunge
