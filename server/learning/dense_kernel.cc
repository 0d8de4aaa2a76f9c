#include "learning/dense_kernel.h"

#include <algorithm>

// Compiled with -ffp-contract=fast: a multiplication and an addition become one rounding where the processor has it.

namespace expunge {
namespace {

template <typename Vector>
[[gnu::always_inline]] inline void Load(const float* from, Vector& vector) {
  __builtin_memcpy(&vector, from, sizeof(Vector));
}

// A row's inputs are read one by one and meet a whole row of the panel: no input is moved, and the sums of
// kRows x kVectors registers stay where they are from the first input to the last.
template <typename Vector, int kVectors, int kRows>
[[gnu::always_inline]] inline void MultiplyTile(const DenseTask& task, int64_t first_row) {
  constexpr int kLanes = sizeof(Vector) / sizeof(float);
  constexpr int kColumns = kLanes * kVectors;
  const float* const x = task.x + first_row * task.inputs;
  Vector sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) Load(task.bias + v * kLanes, sums[r][v]);
  }
  for (int64_t i = 0; i < task.inputs; ++i) {
    Vector weights[kVectors];
    for (int v = 0; v < kVectors; ++v) Load(task.panel + i * kColumns + v * kLanes, weights[v]);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sums[r][v] += x[r * task.inputs + i] * weights[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float row[kColumns];
    __builtin_memcpy(row, sums[r], sizeof(row));
    float* const y = task.y + (first_row + r) * task.y_stride;
    for (int64_t c = 0; c < task.used; ++c) y[c] = task.relu ? std::max(row[c], 0.0f) : row[c];
  }
}

template <typename Vector, int kVectors, int kRows>
[[gnu::always_inline]] inline void MultiplyRows(const DenseTask& task, int64_t first_row, int64_t rows) {
  if (rows == kRows) {
    MultiplyTile<Vector, kVectors, kRows>(task, first_row);
  } else if constexpr (kRows > 1) {
    MultiplyRows<Vector, kVectors, kRows - 1>(task, first_row, rows);
  }
}

// Tiles of nearly equal heights: one of few rows cannot keep the processor busy.
template <typename Vector, int kVectors, int kMaxRows>
[[gnu::always_inline]] inline void Multiply(const DenseTask& task) {
  const int64_t tiles = (task.rows + kMaxRows - 1) / kMaxRows;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = task.rows * tile / tiles;
    MultiplyRows<Vector, kVectors, kMaxRows>(task, begin, task.rows * (tile + 1) / tiles - begin);
  }
}

// Registers for sums, and some for weights and an input.
using Vector16 [[gnu::vector_size(64)]] = float;
using Vector8 [[gnu::vector_size(32)]] = float;
using Vector4 [[gnu::vector_size(16)]] = float;

#if defined(__x86_64__)
[[gnu::target("avx512f,fma")]] void MultiplyAvx512(const DenseTask& task) { Multiply<Vector16, 2, 12>(task); }
[[gnu::target("avx2,fma")]] void MultiplyAvx2(const DenseTask& task) { Multiply<Vector8, 2, 6>(task); }
constexpr DenseKernel kAvx512 = {32, MultiplyAvx512};
constexpr DenseKernel kAvx2 = {16, MultiplyAvx2};
#endif
void MultiplyBaseline(const DenseTask& task) { Multiply<Vector4, 2, 4>(task); }
constexpr DenseKernel kBaseline = {8, MultiplyBaseline};

}  // namespace

DenseKernels RunnableDenseKernels() {
  DenseKernels runnable = {};
#if defined(__x86_64__)
  const bool fuses = __builtin_cpu_supports("fma");
  if (fuses && __builtin_cpu_supports("avx512f")) runnable.kernels[runnable.count++] = &kAvx512;
  if (fuses && __builtin_cpu_supports("avx2")) runnable.kernels[runnable.count++] = &kAvx2;
#endif
  runnable.kernels[runnable.count++] = &kBaseline;
  return runnable;
}

const DenseKernel& ChosenDenseKernel() {
  static const DenseKernel& chosen = *RunnableDenseKernels().kernels[0];
  return chosen;
}

}  // namespace expunge
