#include "learning/fixed_point_layer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learning/fixed_point_kernel.h"
#include "tests/learning/random_floats.h"

namespace expunge {
namespace {

using testing::Each;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

InputSpec Bytes(int64_t inputs) {
  InputSpec input;
  input.shape = {inputs};
  input.dtype = DType::kUint8;
  input.mean = {72.0f};
  input.stddev = {90.0f};
  return input;
}

// Random bytes, then the zeros of the padding.
AlignedBytes<uint8_t> RandomRows(int64_t rows, int64_t inputs, int64_t stride) {
  std::mt19937 generator(7);
  AlignedBytes<uint8_t> x = AllocateAligned(rows * stride);
  std::fill_n(x.get(), rows * stride, 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < inputs; ++i) x[row * stride + i] = static_cast<uint8_t>(generator());
  }
  return x;
}

TEST(FixedPointLayerTest, IsWithinTheRoundingOfTheWeightsForAllSizesOfTiles) {
  for (const int64_t outputs : {1, 10, 16, 17, 32, 33, 48, 128}) {
    for (const int64_t inputs : {1, 64, 65, 130}) {
      const Normalizer normalizer(Bytes(inputs));
      const std::vector<float> weights = RandomFloats(outputs * inputs, 1), bias = RandomFloats(outputs, 2);
      const FixedPointLayer layer(weights.data(), bias.data(), normalizer, outputs);
      for (int64_t rows = 1; rows <= 70; rows += rows < 34 ? 1 : 5) {
        const AlignedBytes<uint8_t> x = RandomRows(rows, inputs, layer.stride());
        std::vector<float> y(rows * outputs + 1, 42.0f), normalized(inputs);
        layer.Apply(x.get(), rows, /*relu=*/false, y.data());
        for (int64_t row = 0; row < rows; ++row) {
          normalizer.Normalize(&x[row * layer.stride()], normalized.data());
          for (int64_t output = 0; output < outputs; ++output) {
            double expected = bias[output], inputs_sum = 0;
            for (int64_t i = 0; i < inputs; ++i) {
              expected += static_cast<double>(weights[output * inputs + i]) * normalized[i];
              inputs_sum += x[row * layer.stride() + i] / 90.0;
            }
            ASSERT_NEAR(y[row * outputs + output], expected, 2e-5 + 0.5 / 32639 * inputs_sum)
                << outputs << " x " << inputs << ", row " << row << " of " << rows;
          }
        }
        ASSERT_EQ(y.back(), 42.0f) << "written beyond the last row";
      }
    }
  }
}

// Every way to multiply, every size of tiles, and rows by themselves.
TEST(FixedPointLayerTest, AllKernelsGiveTheBitsOfIntegerSums) {
  constexpr int64_t kGroups = 3, kOutputs = 40, kMaxRows = 70, kStride = kGroups * kFixedPointInputs;
  constexpr int64_t kPanels = 3;
  const AlignedBytes<uint8_t> x = RandomRows(kMaxRows, kStride, kStride);
  const AlignedBytes<uint8_t> weights = RandomRows(1, kPanels * kGroups * 2 * kFixedPointHalf, 0x10000);
  const auto* const halves = reinterpret_cast<const int8_t*>(weights.get());
  const std::vector<float> scale = RandomFloats(kPanels * 16, 3), bias = RandomFloats(kPanels * 16, 4);
  const auto expected = [&](int64_t row, int64_t output) {
    int32_t sums[2] = {};
    for (int64_t i = 0; i < kStride; ++i) {
      const int64_t group = output / 16 * kGroups + i / 64;
      const int64_t place = i % 64 / 4 * 64 + output % 16 * 4 + i % 4;
      for (int half = 0; half < 2; ++half) {
        sums[half] += x[row * kStride + i] * halves[(2 * group + half) * kFixedPointHalf + place];
      }
    }
    const float y = std::fma(static_cast<float>(sums[1]), scale[output], bias[output]);
    return std::fma(static_cast<float>(sums[0]), 256 * scale[output], y);
  };
  const FixedPointKernels& runnable = RunnableFixedPointKernels();
  for (int k = 0; k < runnable.count; ++k) {
    for (int64_t rows = 1; rows <= kMaxRows; ++rows) {
      for (const bool relu : {false, true}) {
        std::vector<float> y(rows * kOutputs);
        runnable.kernels[k]({.x = x.get(),
                             .rows = rows,
                             .groups = kGroups,
                             .weights = halves,
                             .scale = scale.data(),
                             .bias = bias.data(),
                             .outputs = kOutputs,
                             .relu = relu,
                             .y = y.data()});
        for (int64_t row = 0; row < rows; ++row) {
          for (int64_t output = 0; output < kOutputs; ++output) {
            const float sum = expected(row, output);
            ASSERT_EQ(y[row * kOutputs + output], relu ? std::max(sum, 0.0f) : sum)
                << "kernel " << k << ", row " << row << " of " << rows << ", output " << output;
          }
        }
      }
    }
  }
}

TEST(FixedPointLayerTest, TheLargestSumsFit) {
  const int64_t inputs = kMaxFixedPointGroups * kFixedPointInputs;
  EXPECT_EQ(FixedPointLayer::PaysOff(Normalizer(Bytes(inputs))), RunnableFixedPointKernels().fast());
  EXPECT_FALSE(FixedPointLayer::PaysOff(Normalizer(Bytes(inputs + 1))));
  InputSpec input = Bytes(inputs);
  input.mean = {0.0f};
  input.stddev = {1.0f};
  for (const float weight : {1.0f, -1.0f}) {
    const std::vector<float> weights(inputs, weight);
    const float bias = 0;
    const FixedPointLayer layer(weights.data(), &bias, Normalizer(input), 1);
    const AlignedBytes<uint8_t> x = AllocateAligned(layer.stride());
    std::fill_n(x.get(), layer.stride(), 255);
    float y = 0;
    layer.Apply(x.get(), 1, /*relu=*/false, &y);
    EXPECT_NEAR(y / (255.0 * weight * static_cast<double>(inputs)), 1, 1e-6);
  }
}

TEST(FixedPointLayerTest, DoesNotPayOffForFloatsNorWhereOneInputsScaleWouldSwallowAnothers) {
  InputSpec input = Bytes(2);
  input.shape = {2, 3};
  input.stddev = {1.0f, 4.0f};
  EXPECT_EQ(FixedPointLayer::PaysOff(Normalizer(input)), RunnableFixedPointKernels().fast());
  input.stddev = {1.0f, 4.1f};
  EXPECT_FALSE(FixedPointLayer::PaysOff(Normalizer(input)));
  input.stddev = {1.0f};
  input.dtype = DType::kFloat32;
  EXPECT_FALSE(FixedPointLayer::PaysOff(Normalizer(input)));
}

TEST(FixedPointLayerTest, WhatIsNotFiniteIsNotANumberAndSpoilsNoOtherOutput) {
  constexpr int64_t kInputs = 5;
  for (const float value : {kNan, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max()}) {
    InputSpec input = Bytes(kInputs);
    input.stddev = {1e-3f};
    std::vector<float> weights(2 * kInputs, 0.5f);
    weights[1] = value;
    const std::vector<float> bias = {0, 0};
    const FixedPointLayer layer(weights.data(), bias.data(), Normalizer(input), 2);
    const AlignedBytes<uint8_t> x = RandomRows(1, kInputs, layer.stride());
    for (const bool relu : {false, true}) {
      std::vector<float> y(2);
      layer.Apply(x.get(), 1, relu, y.data());
      EXPECT_TRUE(std::isnan(y[0]));
      EXPECT_TRUE(std::isfinite(y[1]));
    }
  }
}

TEST(FixedPointLayerTest, WithoutWeightsTheBiasIsLeft) {
  const std::vector<float> weights(3 * 7, 0.0f), bias = {0.25f, 0.25f, 0.25f};
  const FixedPointLayer layer(weights.data(), bias.data(), Normalizer(Bytes(7)), 3);
  const AlignedBytes<uint8_t> x = RandomRows(1, 7, layer.stride());
  std::vector<float> y(3);
  layer.Apply(x.get(), 1, /*relu=*/false, y.data());
  EXPECT_THAT(y, Each(0.25f));
}

}  // namespace
}  // namespace expunge
