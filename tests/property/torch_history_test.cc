// The exactness property over random histories, with the trainer that the server uses.

#include <gtest/gtest.h>

#include "learning/torch_trainer.h"
#include "tests/property/run_history.h"

namespace expunge {
namespace {

class TorchHistoryTest : public testing::TestWithParam<uint64_t> {};

TEST_P(TorchHistoryTest, UnlearnedEqualsRetrained) {
  constexpr uint64_t kHistories = 50;
  for (uint64_t seed = 1'000'000 + GetParam() * kHistories; seed < 1'000'000 + (GetParam() + 1) * kHistories; ++seed) {
    ASSERT_EQ(RunHistory(RandomHistory(seed), [] { return CreateTorchTrainer(); }), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TorchHistoryTest, testing::Range<uint64_t>(0, 4));

}  // namespace
}  // namespace expunge
