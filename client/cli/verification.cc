#include "client/cli/verification.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/string_view.h"
#include "client/cli/json.h"
#include "client/cli/refusal.h"

namespace expunge::cli {
namespace {

bool WasChecked(const Check& check) { return ReasonOf(check.status) != "NOT_CHECKED"; }

std::string CheckJson(const Check& check) {
  JsonObject json;
  json.AddText("part", check.part);
  json.AddText("verdict", check.status.ok() ? "OK" : WasChecked(check) ? "REFUSED" : "NOT_CHECKED");
  if (check.status.ok()) return json.AddText("statement", check.statement).ToLine();
  return json.AddText("reason", ReasonOf(check.status))
      .AddText("message", std::string(check.status.message()))
      .ToLine();
}

}  // namespace

std::string VerificationJson(const Verification& verification) {
  std::vector<std::string> checks;
  for (const Check& check : verification.checks) checks.push_back(CheckJson(check));
  JsonObject json;
  json.AddBool("verified", verification.ok()).AddList("checks", checks);
  if (verification.ok()) json.AddJson("statement", FormatStatement(*verification.statement));
  return json.ToString();
}

absl::Status OutcomeOf(const Verification& verification) {
  std::string refused;
  for (const Check& check : verification.checks) {
    if (check.status.ok() || !WasChecked(check)) continue;
    absl::StrAppend(&refused, refused.empty() ? "" : ", ", check.part, " (", ReasonOf(check.status), ")");
  }
  if (verification.ok()) return absl::OkStatus();
  return Refusal("CERTIFICATE_NOT_VERIFIED", "the certificate does not prove what it should: " + refused);
}

}  // namespace expunge::cli
