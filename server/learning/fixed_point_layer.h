#ifndef EXPUNGE_LEARNING_FIXED_POINT_LAYER_H_
#define EXPUNGE_LEARNING_FIXED_POINT_LAYER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "learning/normalizer.h"

namespace expunge {

// Bytes at an alignment that the kernels ask for.
struct AlignedDelete {
  void operator()(void* bytes) const;
};
template <typename Byte>
using AlignedBytes = std::unique_ptr<Byte[], AlignedDelete>;
AlignedBytes<uint8_t> AllocateAligned(int64_t bytes);

// The first fully connected layer of a network whose inputs are bytes, for inference: it takes the bytes as they are,
// with the normalization in its weights and biases. The weights are rounded to 16 bits of the largest of their output:
// half the memory of floats, and products of integers, which processors multiply several times as fast
// (tests/bench/inference_bench.cc). An output's bits depend on nothing but weights and inputs. Immutable and
// thread-safe.
class FixedPointLayer {
 public:
  // Whether the inputs are bytes, not too many, and of about one scale, so that none is lost in the rounding to that of
  // the largest weight; and this processor multiplies bytes faster than floats.
  static bool PaysOff(const Normalizer& normalizer);

  // Of at most kMaxFixedPointGroups groups of inputs (fixed_point_kernel.h). `weights`: outputs x inputs, row-major, as
  // torch.nn.Linear has them; `bias`: outputs. Both are copied. Where a weight is not finite the output is not a
  // number.
  FixedPointLayer(const float* weights, const float* bias, const Normalizer& normalizer, int64_t outputs);

  int64_t outputs() const { return outputs_; }
  // Bytes of a row of `x`: the inputs, then zeros.
  int64_t stride() const;

  // `x`: rows x stride(), from AllocateAligned; `y`: rows x outputs.
  void Apply(const uint8_t* x, int64_t rows, bool relu, float* y) const;

 private:
  void PlaceWeight(int64_t output, int64_t input, int weight);

  int64_t groups_;
  int64_t outputs_;
  AlignedBytes<uint8_t> weights_;  // FixedPointTask::weights
  std::vector<float> scale_;
  std::vector<float> bias_;
};

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_FIXED_POINT_LAYER_H_
