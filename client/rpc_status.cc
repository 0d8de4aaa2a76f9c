#include "client/rpc_status.h"

#include <grpcpp/support/status.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/string_view.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace expunge {
namespace {

std::string MetadataUrl(std::string_view key) { return absl::StrCat("expunge/metadata/", ToAbsl(key)); }

void CopyPayloads(const absl::Status& from, absl::Status* to) {
  from.ForEachPayload([to](absl::string_view url, const absl::Cord& payload) { to->SetPayload(url, payload); });
}

// The details are hints for programs: what cannot be read is as if it had not been sent.
void AddDetails(const std::string& bytes, absl::Status* status) {
  google::rpc::Status details;
  if (!details.ParseFromString(bytes)) return;
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::RetryInfo retry;
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&bad_request) && bad_request.field_violations_size() > 0) {
      const auto& violation = bad_request.field_violations(0);
      absl::Status error = *status;
      CopyPayloads(InvalidField(violation.field(), violation.description()), status);
      CopyPayloads(error, status);  // a reason that was there already stays
    } else if (detail.UnpackTo(&info)) {
      CopyPayloads(Error(status->code(), info.reason(), ""), status);
      for (const auto& [key, value] : info.metadata()) status->SetPayload(MetadataUrl(key), absl::Cord(value));
    } else if (detail.UnpackTo(&retry)) {
      const auto& delay = retry.retry_delay();
      *status = WithRetryAfter(*status, absl::Seconds(delay.seconds()) + absl::Nanoseconds(delay.nanos()));
    }
  }
}

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status, std::string_view address, absl::Duration timeout) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  AddDetails(status.error_details(), &result);
  if (!ReasonOf(result).empty()) return result;
  if (absl::IsUnavailable(result)) {
    return Error(
        result.code(), "SERVER_UNREACHABLE",
        absl::StrCat("no connection to ", ToAbsl(address), "; is expunged running there? (", result.message(), ")"));
  }
  if (absl::IsDeadlineExceeded(result) && timeout < absl::InfiniteDuration()) {
    return Error(result.code(), "NO_ANSWER_IN_TIME",
                 absl::StrCat(ToAbsl(address), " gave no answer within ", absl::FormatDuration(timeout)));
  }
  return result;
}

std::string MetadataOf(const absl::Status& status, std::string_view key) {
  const auto payload = status.GetPayload(MetadataUrl(key));
  return payload ? std::string(*payload) : std::string();
}

}  // namespace expunge
