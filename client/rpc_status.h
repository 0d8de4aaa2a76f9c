#ifndef EXPUNGE_CLIENT_RPC_STATUS_H_
#define EXPUNGE_CLIENT_RPC_STATUS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace grpc {
class Status;
}  // namespace grpc

namespace expunge {

// What the caller of an RPC gets to see: the same code and message, and the details that the server sent (AIP-193:
// ErrorInfo, BadRequest, RetryInfo) where ReasonOf, FieldOf, RetryAfterOf (base/error.h) and MetadataOf find them. Two
// errors that gRPC makes itself are put into words: UNAVAILABLE gets the reason SERVER_UNREACHABLE and names `address`,
// DEADLINE_EXCEEDED gets NO_ANSWER_IN_TIME and names `timeout`.
absl::Status FromGrpcStatus(const grpc::Status& status, std::string_view address,
                            absl::Duration timeout = absl::InfiniteDuration());

// A value of ErrorInfo.metadata, e.g. "samplesCommitted" of IngestSamples; empty where there is none.
std::string MetadataOf(const absl::Status& status, std::string_view key);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_RPC_STATUS_H_
