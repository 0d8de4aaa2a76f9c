#ifndef EXPUNGE_RPC_INFERENCE_CONVERSION_H_
#define EXPUNGE_RPC_INFERENCE_CONVERSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inference/inference_service.pb.h"
#include "model/spec.h"
#include "rpc/model_predictor.h"
#include "serving/batcher.h"

namespace expunge {

// Between the messages of the Open Inference Protocol and the types of the domain; see the proto for what is accepted.

// --- in
// Nullopt: empty, whichever is served. INVALID_ARGUMENT unless it is decimal digits of 64 bits.
absl::StatusOr<std::optional<uint64_t>> VersionFromWire(std::string_view version, std::string_view field);

// Whether the snapshot is what was asked for.
// FAILED_PRECONDITION (MODEL_VERSION_ERASED, MODEL_VERSION_NOT_SERVED).
absl::Status CheckVersion(std::optional<uint64_t> wanted, const Snapshot& snapshot);

// Checks inputs and requested outputs. The inputs of the result are the bytes of `request`, copied only where it has
// UINT8 as numbers of more bits. Every error is INVALID_ARGUMENT and names the field.
absl::StatusOr<ModelInputs> InferFromWire(const inference::ModelInferRequest& request,
                                          std::shared_ptr<ModelEntry> model);

// --- out
// `request` is one that InferFromWire has accepted.
void InferToWire(const inference::ModelInferRequest& request, const Batcher::Answer& answer, const ModelSpec& spec,
                 inference::ModelInferResponse* wire);

inference::ModelMetadataResponse MetadataToWire(const std::string& name, const Snapshot& snapshot,
                                                const ModelSpec& spec);

}  // namespace expunge

#endif  // EXPUNGE_RPC_INFERENCE_CONVERSION_H_
