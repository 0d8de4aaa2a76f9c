#ifndef EXPUNGE_LEARNING_FORWARD_H_
#define EXPUNGE_LEARNING_FORWARD_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "learning/architecture.h"
#include "model/spec.h"

namespace expunge {

// For the sources of this folder alone: it includes torch.

// A view of each tensor of `layout` on the flat parameters.
std::vector<at::Tensor> ViewParameters(const std::vector<ParameterTensor>& layout, const at::Tensor& flat);

// The one definition of the networks, for training and inference. `inputs`: normalized, batch x elements.
// Returns logits, batch x classes.
at::Tensor Forward(const ModelSpec& spec, const std::vector<at::Tensor>& parameters, const at::Tensor& inputs);

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_FORWARD_H_
