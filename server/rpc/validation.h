#ifndef EXPUNGE_RPC_VALIDATION_H_
#define EXPUNGE_RPC_VALIDATION_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "expunge/v1/model_service.pb.h"
#include "expunge/v1/resources.pb.h"
#include "model/spec.h"

namespace expunge {

// The bounds of what comes over the wire. Every error is INVALID_ARGUMENT and names the field and the bound, never what
// was in it.

inline constexpr size_t kMaxIdBytes = 1024;        // of a subject_id and of a sample_id
inline constexpr int64_t kMaxPredictBatch = 4096;  // inputs
inline constexpr int kMaxIngestBatch = 65'536;     // samples
inline constexpr int kMaxModelsPerForget = 1000;
inline constexpr int kMaxSamplesPerForget = 10'000;

// An opaque id that a caller chose: 1 to kMaxIdBytes bytes.
absl::Status ValidateId(std::string_view id, std::string_view field);

// The shape of a batch of inputs: [batch, input.shape...] or [batch, elements]. Returns the batch size.
absl::StatusOr<size_t> ValidateShape(absl::Span<const int64_t> shape, const InputSpec& input, std::string_view field);

// The elements of such a batch in the model's dtype: number of bytes, finite values.
absl::Status ValidateData(std::string_view data, size_t batch, const InputSpec& input, std::string_view field);

// A batch of inputs for the model: dtype, shape ([batch, input.shape...] or [batch, elements]), number of bytes, finite
// values. Returns the batch size.
absl::StatusOr<size_t> ValidateInputs(const v1::Tensor& inputs, const ModelSpec& spec);

// A batch of samples for the model.
absl::Status ValidateBatch(const v1::SampleBatch& batch, const ModelSpec& spec);

// The timestamp is one: 0001-01-01 to 9999-12-31, and 0 <= nanos < 1e9.
absl::Status ValidateTimestamp(const google::protobuf::Timestamp& time, std::string_view field);

}  // namespace expunge

#endif  // EXPUNGE_RPC_VALIDATION_H_
