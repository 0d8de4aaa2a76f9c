#include "tests/faults/advice.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "base/error.h"

namespace expunge {
namespace {

bool SaysWhatToDo(const std::string& text) {
  for (const char* advice : {"restart the server", "restore", "put back", "try again", "make room"}) {
    if (absl::StrContains(text, advice)) return true;
  }
  return false;
}

}  // namespace

std::string BadError(const absl::Status& status) {
  const std::string text = status.ToString();
  const bool promised = absl::IsUnavailable(status) || absl::IsDataLoss(status) || absl::IsResourceExhausted(status);
  if (!promised) return "an error that no header promises: " + text;
  if (ReasonOf(status).empty()) return "an error without a reason: " + text;
  return RetryAfterOf(status) ? "" : BadProblem(text);
}

std::string BadProblem(const std::string& text) {
  return SaysWhatToDo(text) ? "" : "an error that does not say what to do: " + text;
}

}  // namespace expunge
