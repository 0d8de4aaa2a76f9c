#ifndef EXPUNGE_LEARNING_OPTIMIZER_H_
#define EXPUNGE_LEARNING_OPTIMIZER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/spec.h"

namespace expunge {

// Floats of optimizer state for each parameter.
size_t OptimizerStatePerParameter(const Optimizer& optimizer);

// Steps an optimizer over the flat parameters of a constituent, one tensor at a time and one pass over its memory.
// Each element takes only additions, multiplications, divisions and square roots, which IEEE 754 defines to the bit.
// Not thread-safe.
class OptimizerStepper {
 public:
  // `state` is TrainingState::optimizer, `steps` TrainingState::steps; both are updated in place and must outlive this.
  OptimizerStepper(const Optimizer& optimizer, absl::Span<float> state, uint64_t* steps);

  // Once before the tensors of a step.
  void BeginStep();

  // `parameters` are those from `offset` of the flat vector on, as many as there are gradients.
  void Update(size_t offset, absl::Span<const float> gradients, float* parameters);

 private:
  void UpdateWith(const Sgd& sgd, size_t offset, absl::Span<const float> gradients, float* parameters);
  void UpdateWith(const Adam& adam, size_t offset, absl::Span<const float> gradients, float* parameters);

  const Optimizer optimizer_;
  const absl::Span<float> state_;
  uint64_t* const steps_;
};

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_OPTIMIZER_H_
