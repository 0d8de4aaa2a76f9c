#ifndef EXPUNGE_LEARNING_FIXED_POINT_KERNEL_H_
#define EXPUNGE_LEARNING_FIXED_POINT_KERNEL_H_

#include <cstdint>

namespace expunge {

// How weights of 16 bits lie in memory: panels of 16 outputs; in each, for every group of 64 inputs, the high halves,
// then the low ones, both signed: weight = 256 high + low. A half of a group holds for each four inputs, for each
// output, the four weights: what an AMX tile takes, and an instruction of AVX-512 VNNI.
inline constexpr int64_t kFixedPointOutputs = 16;                                   // of a panel
inline constexpr int64_t kFixedPointInputs = 64;                                    // of a group
inline constexpr int64_t kFixedPointHalf = kFixedPointOutputs * kFixedPointInputs;  // bytes

// A product of bytes with weights of 16 bits: y = scale (256 x high' + x low') + bias, if asked with ReLU. The sums are
// integers, so any way to multiply gives the same bits; the last steps are two fused multiply-adds.
struct FixedPointTask {
  const uint8_t* x;  // rows x (64 groups), 64-byte aligned
  int64_t rows;
  int64_t groups;         // at most kMaxFixedPointGroups
  const int8_t* weights;  // 64-byte aligned
  const float* scale;     // one for each output, padded to panels
  const float* bias;      // likewise
  int64_t outputs;
  bool relu;
  float* y;  // rows x outputs
};

// The sums of more would not fit 32 bits.
inline constexpr int64_t kMaxFixedPointGroups = (int64_t{1} << 31) / (255 * 128 * kFixedPointInputs);

using FixedPointKernel = void (*)(const FixedPointTask& task);

// Those that this processor and system can run, the fastest first. The last one runs anywhere, and slowly: floats are
// faster (DenseKernel).
struct FixedPointKernels {
  FixedPointKernel kernels[3];
  int count;

  bool fast() const { return count > 1; }
};
const FixedPointKernels& RunnableFixedPointKernels();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_FIXED_POINT_KERNEL_H_
