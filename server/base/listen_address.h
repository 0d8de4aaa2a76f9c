#ifndef EXPUNGE_BASE_LISTEN_ADDRESS_H_
#define EXPUNGE_BASE_LISTEN_ADDRESS_H_

#include <string_view>

#include "absl/status/status.h"

namespace expunge {

// INVALID_ARGUMENT, with this field, unless `address` is HOST:PORT with a loopback host: without TLS nobody else may
// connect.
absl::Status ValidateListenAddress(std::string_view field, std::string_view address);

}  // namespace expunge

#endif  // EXPUNGE_BASE_LISTEN_ADDRESS_H_
