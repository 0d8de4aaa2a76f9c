#ifndef EXPUNGE_LEARNING_DENSE_NETWORK_H_
#define EXPUNGE_LEARNING_DENSE_NETWORK_H_

#include <memory>

#include "absl/types/span.h"
#include "model/spec.h"
#include "model/trainer.h"

namespace expunge {

// Inference of the architectures that consist of fully connected layers: softmax regression and the multi-layer
// perceptron. A sample's probabilities are the same bits whatever else is in its batch. `parameters`: as many as the
// model has, in the order of ParameterLayout; they are copied. May throw std::bad_alloc.
std::shared_ptr<const Network> CreateDenseNetwork(const ModelSpec& spec, absl::Span<const float> parameters);

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_DENSE_NETWORK_H_
