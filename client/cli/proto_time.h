#ifndef EXPUNGE_CLIENT_CLI_PROTO_TIME_H_
#define EXPUNGE_CLIENT_CLI_PROTO_TIME_H_

#include <string>

#include "absl/time/time.h"
#include "client/cli/format.h"
#include "google/protobuf/timestamp.pb.h"

namespace expunge::cli {

inline absl::Time FromProto(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

// "-" when the field is not set.
inline std::string ShowTime(bool is_set, const google::protobuf::Timestamp& timestamp) {
  return is_set ? ShowTime(FromProto(timestamp)) : "-";
}

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_PROTO_TIME_H_
