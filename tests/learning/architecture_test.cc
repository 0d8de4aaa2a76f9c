#include "learning/architecture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/learning/fixtures.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;

TEST(ArchitectureTest, LayoutIsWithoutGapsAndHasAsManyParametersAsTheSpecSays) {
  for (const ModelSpec& spec : VariousSpecs()) {
    int64_t next = 0;
    for (const ParameterTensor& tensor : ParameterLayout(spec)) {
      EXPECT_EQ(tensor.offset, next);
      int64_t elements = 1;
      for (const int64_t extent : tensor.shape) elements *= extent;
      EXPECT_EQ(tensor.size, elements);
      next += tensor.size;
    }
    EXPECT_EQ(next, ParameterCount(spec));
  }
}

TEST(ArchitectureTest, CnnLayoutIsLeNetLike) {
  const auto layout = ParameterLayout(SpecOf(Cnn{.channels = {2, 3}, .hidden_size = 6}, {3, 7, 10}));
  ASSERT_EQ(layout.size(), 8u);
  EXPECT_THAT(layout[0].shape, ElementsAre(2, 3, 5, 5));
  EXPECT_THAT(layout[1].shape, ElementsAre(2));
  EXPECT_THAT(layout[2].shape, ElementsAre(3, 2, 5, 5));
  EXPECT_THAT(layout[4].shape, ElementsAre(6, 3 * 1 * 2));
  EXPECT_THAT(layout[6].shape, ElementsAre(3, 6));
  EXPECT_EQ(layout[2].fan_in, 2 * 25);
  EXPECT_EQ(layout[3].fan_in, 2 * 25);
}

TEST(ArchitectureTest, InitialParametersFillTheIntervalOfTheirLayer) {
  const ModelSpec spec = SpecOf(Mlp{.hidden_sizes = {200}}, {100});
  const std::vector<float> parameters = InitialParameters(spec, Digest{});
  const std::vector<ParameterTensor> layout = ParameterLayout(spec);
  for (const ParameterTensor& tensor : layout) {
    const float bound = 1.0f / std::sqrt(static_cast<float>(tensor.fan_in));
    const auto begin = parameters.begin() + tensor.offset;
    const auto [low, high] = std::minmax_element(begin, begin + tensor.size);
    EXPECT_GE(*low, -bound);
    EXPECT_LE(*high, bound);
    if (tensor.size >= 200) {
      EXPECT_LT(*low, -0.9f * bound);
      EXPECT_GT(*high, 0.9f * bound);
    }
  }
}

TEST(ArchitectureTest, InitialParametersDependOnEveryByteOfTheSeed) {
  const ModelSpec spec = SpecOf(SoftmaxRegression{}, {7});
  const std::vector<float> zeros = InitialParameters(spec, Digest{});
  EXPECT_EQ(zeros, InitialParameters(spec, Digest{}));
  for (size_t byte = 0; byte < Digest{}.size(); ++byte) {
    Digest seed{};
    seed[byte] = 1;
    EXPECT_NE(zeros, InitialParameters(spec, seed)) << "byte " << byte;
  }
}

// The values are part of the promise that a replay gives the same bits on whatever machine; these come from a separate
// implementation of the standard's generator.
TEST(ArchitectureTest, InitialParametersNeverChange) {
  std::vector<float> parameters = InitialParameters(SpecOf(SoftmaxRegression{}, {4}), Digest{1, 2, 3});
  parameters.resize(3);
  EXPECT_THAT(parameters, ElementsAre(-0x1.e601a4p-2f, -0x1.606a68p-2f, -0x1.6b446p-2f));
}

}  // namespace
}  // namespace expunge
