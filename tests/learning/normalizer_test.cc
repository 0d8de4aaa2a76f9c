#include "learning/normalizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace expunge {
namespace {

using ::testing::ElementsAre;

std::vector<float> Normalized(const InputSpec& input, const uint8_t* sample) {
  const Normalizer normalizer(input);
  std::vector<float> result(normalizer.elements());
  normalizer.Normalize(sample, result.data());
  return result;
}

TEST(NormalizerTest, OnePairOfConstantsServesEveryElement) {
  const InputSpec input{.shape = {2, 2}, .dtype = DType::kUint8, .mean = {100.0f}, .stddev = {50.0f}};
  const std::vector<uint8_t> sample = {0, 100, 150, 255};
  EXPECT_THAT(Normalized(input, sample.data()), ElementsAre(-2.0f, 0.0f, 1.0f, 3.1f));
}

TEST(NormalizerTest, ConstantsPerChannelGoWithTheFirstDimension) {
  const InputSpec input{.shape = {2, 1, 2}, .dtype = DType::kUint8, .mean = {10.0f, 20.0f}, .stddev = {2.0f, 4.0f}};
  const std::vector<uint8_t> sample = {10, 12, 20, 28};
  EXPECT_THAT(Normalized(input, sample.data()), ElementsAre(0.0f, 1.0f, 0.0f, 2.0f));
}

TEST(NormalizerTest, OneMeanGoesWithSeveralStandardDeviations) {
  const InputSpec input{.shape = {2}, .dtype = DType::kUint8, .mean = {10.0f}, .stddev = {2.0f, 4.0f}};
  const std::vector<uint8_t> sample = {12, 12};
  EXPECT_THAT(Normalized(input, sample.data()), ElementsAre(1.0f, 0.5f));
}

TEST(NormalizerTest, FloatsAreReadAtAnyAlignment) {
  const InputSpec input{.shape = {3}, .dtype = DType::kFloat32, .mean = {1.0f}, .stddev = {2.0f}};
  const std::vector<float> values = {1.0f, -3.0f, 6.0f};
  for (size_t shift = 0; shift < sizeof(float); ++shift) {
    std::vector<uint8_t> bytes(shift + values.size() * sizeof(float));
    std::memcpy(bytes.data() + shift, values.data(), values.size() * sizeof(float));
    EXPECT_THAT(Normalized(input, bytes.data() + shift), ElementsAre(0.0f, -2.0f, 2.5f));
  }
}

}  // namespace
}  // namespace expunge
