#ifndef EXPUNGE_CLIENT_PREDICT_REQUESTS_H_
#define EXPUNGE_CLIENT_PREDICT_REQUESTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "expunge/v1/resources.pb.h"

namespace expunge {

inline constexpr int64_t kMaxInputsPerRequest = 4096;  // the server's bound

// Serialized PredictRequests for a load on `model`, different ones: 16 MiB of them, but no more than 256 and one at
// least. The inputs are consecutive ones of an IDX file, from its first on and from there again after its last; without
// a file (`images` is empty) random bytes, or floats from 0 to 1, the same each time.
// Errors: IdxReader's, and CheckInputsFit's; INVALID_ARGUMENT with reason FILE_MISMATCH for a file without inputs.
absl::StatusOr<std::vector<std::string>> PredictRequests(const v1::Model& model, const std::string& images,
                                                         int64_t inputs_per_request);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_PREDICT_REQUESTS_H_
