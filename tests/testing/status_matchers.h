#ifndef EXPUNGE_TESTING_STATUS_MATCHERS_H_
#define EXPUNGE_TESTING_STATUS_MATCHERS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/error.h"
#include "gmock/gmock.h"

namespace expunge {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// A canonical code with a reason of ours.
MATCHER_P2(Fails, code, reason, "") {
  *result_listener << StatusOf(arg).ToString() << ", reason " << ReasonOf(StatusOf(arg));
  return StatusOf(arg).code() == code && ReasonOf(StatusOf(arg)) == reason;
}

}  // namespace expunge

#endif  // EXPUNGE_TESTING_STATUS_MATCHERS_H_
