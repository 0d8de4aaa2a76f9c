#ifndef EXPUNGE_CLIENT_CLI_REFUSAL_H_
#define EXPUNGE_CLIENT_CLI_REFUSAL_H_

#include <string_view>

#include "absl/status/status.h"

namespace expunge::cli {

// A proof was looked at and does not hold: FAILED_PRECONDITION, for which the command has an exit status of its own
// (kExitRefused), so that a script tells it from a server that did not answer or a file that is not there.
absl::Status Refusal(std::string_view reason, std::string_view message);
bool IsRefusal(const absl::Status& status);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_REFUSAL_H_
