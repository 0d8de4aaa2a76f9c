#include "client/cli/refusal.h"

#include "absl/strings/cord.h"
#include "base/error.h"

namespace expunge::cli {
namespace {

constexpr char kPayload[] = "expunge/refusal";

}  // namespace

absl::Status Refusal(std::string_view reason, std::string_view message) {
  absl::Status status = Error(absl::StatusCode::kFailedPrecondition, reason, message);
  status.SetPayload(kPayload, absl::Cord());
  return status;
}

bool IsRefusal(const absl::Status& status) { return status.GetPayload(kPayload).has_value(); }

}  // namespace expunge::cli
