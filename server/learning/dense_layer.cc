#include "learning/dense_layer.h"

#include <algorithm>

#include "learning/dense_kernel.h"

namespace expunge {
namespace {

int64_t Padded(int64_t outputs) {
  const int64_t columns = ChosenDenseKernel().columns;
  return (outputs + columns - 1) / columns * columns;
}

}  // namespace

DenseLayer::DenseLayer(const float* weights, const float* bias, int64_t inputs, int64_t outputs)
    : inputs_(inputs),
      outputs_(outputs),
      panels_(new float[Padded(outputs) * inputs]()),
      bias_(new float[Padded(outputs)]()) {
  const int64_t columns = ChosenDenseKernel().columns;
  for (int64_t output = 0; output < outputs; ++output) {
    float* const panel = panels_.get() + output / columns * columns * inputs;
    for (int64_t i = 0; i < inputs; ++i) panel[i * columns + output % columns] = weights[output * inputs + i];
  }
  std::copy_n(bias, outputs, bias_.get());
}

void DenseLayer::Apply(const float* x, int64_t rows, bool relu, float* y) const {
  const DenseKernel& kernel = ChosenDenseKernel();
  for (int64_t first = 0; first < outputs_; first += kernel.columns) {
    kernel.multiply({.x = x,
                     .rows = rows,
                     .inputs = inputs_,
                     .panel = panels_.get() + first * inputs_,
                     .bias = bias_.get() + first,
                     .relu = relu,
                     .y = y + first,
                     .y_stride = outputs_,
                     .used = std::min(kernel.columns, outputs_ - first)});
  }
}

}  // namespace expunge
