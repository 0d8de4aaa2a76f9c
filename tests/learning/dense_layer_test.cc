#include "learning/dense_layer.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learning/dense_kernel.h"
#include "tests/learning/random_floats.h"

namespace expunge {
namespace {

using testing::FloatNear;
using testing::Pointwise;

// One chain of fused multiply-adds for each output.
std::vector<float> Reference(const std::vector<float>& weights, const std::vector<float>& bias,
                             const std::vector<float>& x, int64_t rows, bool relu) {
  const int64_t outputs = static_cast<int64_t>(bias.size());
  const int64_t inputs = static_cast<int64_t>(weights.size()) / outputs;
  std::vector<float> y;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t output = 0; output < outputs; ++output) {
      float sum = bias[output];
      for (int64_t i = 0; i < inputs; ++i) sum = std::fma(x[row * inputs + i], weights[output * inputs + i], sum);
      y.push_back(relu ? std::max(sum, 0.0f) : sum);
    }
  }
  return y;
}

bool HasFusedMultiplyAdd() { return RunnableDenseKernels().count > 1; }

TEST(DenseLayerTest, EqualsTheReferenceForAllSizesOfTiles) {
  for (const int64_t outputs : {1, 7, 8, 10, 16, 31, 32, 33, 128}) {
    for (const int64_t inputs : {1, 5, 64}) {
      const std::vector<float> weights = RandomFloats(outputs * inputs, 1);
      const std::vector<float> bias = RandomFloats(outputs, 2);
      const DenseLayer layer(weights.data(), bias.data(), inputs, outputs);
      for (int64_t rows = 1; rows <= 40; ++rows) {
        const std::vector<float> x = RandomFloats(rows * inputs, 3);
        for (const bool relu : {false, true}) {
          std::vector<float> y(rows * outputs);
          layer.Apply(x.data(), rows, relu, y.data());
          const std::vector<float> expected = Reference(weights, bias, x, rows, relu);
          if (HasFusedMultiplyAdd()) {
            ASSERT_EQ(y, expected) << outputs << " x " << inputs << ", " << rows << " rows";
          } else {
            ASSERT_THAT(y, Pointwise(FloatNear(1e-5f), expected));
          }
        }
      }
    }
  }
}

TEST(DenseLayerTest, NothingBesideTheRowsIsWritten) {
  const std::vector<float> weights = RandomFloats(10 * 3, 1);
  const std::vector<float> bias = RandomFloats(10, 2);
  const DenseLayer layer(weights.data(), bias.data(), 3, 10);
  const std::vector<float> x = RandomFloats(5 * 3, 3);
  std::vector<float> y(5 * 10 + 1, 42.0f);
  layer.Apply(x.data(), 5, false, y.data());
  EXPECT_EQ(y.back(), 42.0f);
}

TEST(DenseKernelTest, AllThatFuseGiveTheSameBits) {
  constexpr int64_t kInputs = 100, kRows = 13;
  const std::vector<float> x = RandomFloats(kRows * kInputs, 1);
  const DenseKernels runnable = RunnableDenseKernels();
  const int fusing = runnable.count - 1;  // the last one may round twice
  std::vector<std::vector<float>> results;
  for (int k = 0; k < fusing; ++k) {
    const int64_t columns = runnable.kernels[k]->columns;
    std::vector<float> panel(kInputs * columns), bias = RandomFloats(columns, 2), y(kRows * columns);
    const std::vector<float> weights = RandomFloats(kInputs * 8, 3);  // those of the first 8 columns
    for (int64_t i = 0; i < kInputs; ++i) std::copy_n(&weights[i * 8], 8, &panel[i * columns]);
    std::copy_n(RandomFloats(8, 4).begin(), 8, bias.begin());
    runnable.kernels[k]->multiply({.x = x.data(),
                                   .rows = kRows,
                                   .inputs = kInputs,
                                   .panel = panel.data(),
                                   .bias = bias.data(),
                                   .relu = false,
                                   .y = y.data(),
                                   .y_stride = columns,
                                   .used = columns});
    std::vector<float>& first_columns = results.emplace_back();
    for (int64_t row = 0; row < kRows; ++row) {
      first_columns.insert(first_columns.end(), &y[row * columns], &y[row * columns] + 8);
    }
  }
  for (const std::vector<float>& result : results) EXPECT_EQ(result, results.front());
}

}  // namespace
}  // namespace expunge
