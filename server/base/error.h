#ifndef EXPUNGE_BASE_ERROR_H_
#define EXPUNGE_BASE_ERROR_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace expunge {

// An error as its callers see it: a canonical code, a message for a person, and details for a program (AIP-193).
// The details ride on absl::Status as payloads, so that only rpc/ has to know how they look on the wire.
// A message names the field and the bound. It never holds a subject, a sample id or data.

// `reason` is UPPER_SNAKE_CASE and stable: programs switch on it.
absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message);

// INVALID_ARGUMENT, reason INVALID_FIELD. `field` is the path in the request, e.g. "sisa.shards".
// The message reads "<field> <problem>", so `problem` starts with a verb: "must be from 1 to 1024, is 0".
absl::Status InvalidField(std::string_view field, std::string_view problem);

// Adds the time after which a caller may try again, in whole milliseconds, rounded up.
absl::Status WithRetryAfter(absl::Status status, absl::Duration retry_after);

// The details of an error; empty where it has none.
std::string ReasonOf(const absl::Status& status);
std::string FieldOf(const absl::Status& status);
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace expunge

#endif  // EXPUNGE_BASE_ERROR_H_
