#ifndef EXPUNGE_LEARNING_DENSE_KERNEL_H_
#define EXPUNGE_LEARNING_DENSE_KERNEL_H_

#include <cstdint>

namespace expunge {

// Some rows of a product with one panel of weights.
struct DenseTask {
  const float* x;  // rows x inputs
  int64_t rows;
  int64_t inputs;
  const float* panel;  // inputs x columns
  const float* bias;   // columns
  bool relu;
  float* y;  // rows x y_stride; `used` columns of each row are written
  int64_t y_stride;
  int64_t used;  // 1 to columns
};

// A way to multiply for one kind of processor.
struct DenseKernel {
  int64_t columns;  // of a panel
  void (*multiply)(const DenseTask& task);
};

// The best one for this processor. All that have fused multiply-adds give the same bits.
const DenseKernel& ChosenDenseKernel();

// Those that this processor can run, for tests and benches; the chosen one is the first.
struct DenseKernels {
  const DenseKernel* kernels[3];
  int count;
};
DenseKernels RunnableDenseKernels();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_DENSE_KERNEL_H_
