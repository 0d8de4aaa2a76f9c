#ifndef EXPUNGE_LEARNING_TORCH_NETWORK_H_
#define EXPUNGE_LEARNING_TORCH_NETWORK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/spec.h"
#include "model/trainer.h"

namespace expunge {

// Copies `parameters`. INTERNAL when they are not as many as the model has.
absl::StatusOr<std::shared_ptr<const Network>> CreateTorchNetwork(const ModelSpec& spec,
                                                                  absl::Span<const float> parameters);

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_TORCH_NETWORK_H_
