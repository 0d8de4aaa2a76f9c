#ifndef EXPUNGE_RPC_STATUS_H_
#define EXPUNGE_RPC_STATUS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace expunge {

// The one mapping of errors to the wire. The code stays, and `grpc-status-details-bin` carries a google.rpc.Status with
//   ErrorInfo   the error's reason (base/error.h; without one, the name of the code), the domain "expunge", `metadata`
//   BadRequest  when the error names a field
//   RetryInfo   with UNAVAILABLE and RESOURCE_EXHAUSTED: the error's own time, or one second
// What is the server's fault (INTERNAL, UNKNOWN, DATA_LOSS) is logged too.
grpc::Status ToGrpcStatus(const absl::Status& status, const std::map<std::string, std::string>& metadata = {});

}  // namespace expunge

#endif  // EXPUNGE_RPC_STATUS_H_
