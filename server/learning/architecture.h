#ifndef EXPUNGE_LEARNING_ARCHITECTURE_H_
#define EXPUNGE_LEARNING_ARCHITECTURE_H_

#include <cstdint>
#include <vector>

#include "base/digest.h"
#include "model/spec.h"

namespace expunge {

// Where one tensor of a constituent lies in its flat parameter vector.
struct ParameterTensor {
  std::vector<int64_t> shape;  // as torch.nn has it: {out, in}, {out, in, 5, 5}, or {out} for a bias
  int64_t fan_in = 0;          // inputs of one unit of the layer, for a bias too
  int64_t offset = 0;          // in floats
  int64_t size = 0;
};

// Sizes of a CNN's feature maps.
struct CnnGeometry {
  int64_t channels, height, width;  // of the input
  int64_t flattened;                // elements after the second pooling

  CnnGeometry(const InputSpec& input, const Cnn& cnn);
};

// Weight, then bias, layer by layer from the input on; without gaps. The spec must be valid.
std::vector<ParameterTensor> ParameterLayout(const ModelSpec& spec);

// Each layer's weights and biases uniform in [-1/sqrt(fan_in), 1/sqrt(fan_in)), which is what torch.nn's Linear and
// Conv2d do by default (Kaiming-uniform with a = sqrt(5)). The generator is std::mt19937_64 seeded through
// std::seed_seq, both of which the C++ standard defines to the bit, so the values do not depend on libraries.
std::vector<float> InitialParameters(const ModelSpec& spec, const Digest& seed);

// Floats that the widest activation of one sample takes; bounds the memory of inference.
int64_t WidestActivation(const ModelSpec& spec);

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_ARCHITECTURE_H_
