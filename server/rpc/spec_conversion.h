#ifndef EXPUNGE_RPC_SPEC_CONVERSION_H_
#define EXPUNGE_RPC_SPEC_CONVERSION_H_

#include "absl/status/statusor.h"
#include "expunge/v1/resources.pb.h"
#include "model/spec.h"

namespace expunge {

// What the declaration says; ValidateSpec knows whether it is any good. INVALID_ARGUMENT, with the field, for what a
// ModelSpec cannot hold.
absl::StatusOr<ModelSpec> SpecFromWire(const v1::Model& model);

// Fills the declared fields of `model`.
void SpecToWire(const ModelSpec& spec, v1::Model* model);

}  // namespace expunge

#endif  // EXPUNGE_RPC_SPEC_CONVERSION_H_
