#ifndef EXPUNGE_ADMIN_LOG_CHECK_H_
#define EXPUNGE_ADMIN_LOG_CHECK_H_

#include <functional>

#include "absl/status/status.h"
#include "storage/keyring.h"

namespace expunge {

// The log of a server that is stopped: whether its hashes are those of its entries, and whether every completed erasure
// has its statement where its record says. Calls `problem` for each that does not hold. Errors: those of Keyring.
absl::Status CheckLog(const Keyring& keyring, const std::function<void(const absl::Status&)>& problem);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_LOG_CHECK_H_
