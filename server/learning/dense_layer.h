#ifndef EXPUNGE_LEARNING_DENSE_LAYER_H_
#define EXPUNGE_LEARNING_DENSE_LAYER_H_

#include <cstdint>
#include <memory>

namespace expunge {

// One fully connected layer for inference: y = x W' + b, if asked with ReLU. Immutable and thread-safe.
//
// The weights are laid out once, in the order in which the processor reads them. A BLAS product of a few rows spends
// more time on that than on the product, anew for each call (tests/bench/inference_bench.cc). And an output is one
// chain of fused multiply-adds over the inputs in their order: its bits depend neither on how many rows are computed at
// once nor on the width of the processor's registers.
class DenseLayer {
 public:
  // `weights`: outputs x inputs, row-major, as torch.nn.Linear has them; `bias`: outputs. Both are copied.
  DenseLayer(const float* weights, const float* bias, int64_t inputs, int64_t outputs);

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }

  // `x`: rows x inputs, `y`: rows x outputs, both row-major and not overlapping.
  void Apply(const float* x, int64_t rows, bool relu, float* y) const;

 private:
  int64_t inputs_;
  int64_t outputs_;
  std::unique_ptr<float[]> panels_;  // of as many outputs each as a tile has columns: inputs x columns; padded with 0
  std::unique_ptr<float[]> bias_;    // padded likewise
};

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_DENSE_LAYER_H_
