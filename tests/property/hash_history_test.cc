// The exactness property over random histories, with a trainer whose bits depend on everything (HashTrainer).

#include <gtest/gtest.h>

#include "tests/property/run_history.h"
#include "tests/testing/hash_trainer.h"

namespace expunge {
namespace {

// As in the mutants (tests/mutation): what they are caught by must let the sound build pass.
constexpr int kRounds = 1000;

class HashHistoryTest : public testing::TestWithParam<uint64_t> {};

TEST_P(HashHistoryTest, UnlearnedEqualsRetrained) {
  constexpr uint64_t kHistories = 50;
  for (uint64_t seed = GetParam() * kHistories; seed < (GetParam() + 1) * kHistories; ++seed) {
    ASSERT_EQ(RunHistory(RandomHistory(seed), [] { return std::make_unique<HashTrainer>(kRounds); }), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HashHistoryTest, testing::Range<uint64_t>(0, 4));

}  // namespace
}  // namespace expunge
