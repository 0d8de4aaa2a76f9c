#include "base/error.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/string_view.h"

namespace expunge {
namespace {

constexpr char kReason[] = "expunge/reason";
constexpr char kField[] = "expunge/field";
constexpr char kRetryAfterMillis[] = "expunge/retry-after-ms";

std::string Payload(const absl::Status& status, const char* key) {
  const auto payload = status.GetPayload(key);
  return payload ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message) {
  absl::Status status(code, ToAbsl(message));
  status.SetPayload(kReason, absl::Cord(ToAbsl(reason)));
  return status;
}

absl::Status InvalidField(std::string_view field, std::string_view problem) {
  absl::Status status =
      Error(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", absl::StrCat(ToAbsl(field), " ", ToAbsl(problem)));
  status.SetPayload(kField, absl::Cord(ToAbsl(field)));
  return status;
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration retry_after) {
  const absl::Duration whole = absl::Ceil(retry_after, absl::Milliseconds(1));
  status.SetPayload(kRetryAfterMillis, absl::Cord(absl::StrCat(absl::ToInt64Milliseconds(whole))));
  return status;
}

std::string ReasonOf(const absl::Status& status) { return Payload(status, kReason); }
std::string FieldOf(const absl::Status& status) { return Payload(status, kField); }

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  int64_t millis = 0;
  if (!absl::SimpleAtoi(Payload(status, kRetryAfterMillis), &millis)) return std::nullopt;
  return absl::Milliseconds(millis);
}

}  // namespace expunge
