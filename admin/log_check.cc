#include "admin/log_check.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "proof/statement.h"
#include "unlearning/erasure_leaves.h"

namespace expunge {
namespace {

absl::Status NotWhatTheLogSays(ErasureSequence sequence) {
  return Error(absl::StatusCode::kDataLoss, "CERTIFICATE_MISMATCH",
               absl::StrCat("erasure ", sequence, ": the log does not have the statement of its completion"));
}

// What the record gives today must be what was certified, but for what a later version words otherwise.
absl::Status CheckStatement(const Keyring& keyring, const records::Erasure& erasure) {
  if (!erasure.has_log_index()) return NotWhatTheLogSays(erasure.sequence());
  ASSIGN_OR_RETURN(const std::optional<LogEntry> entry, keyring.log().Get(erasure.log_index()));
  if (!entry) return NotWhatTheLogSays(erasure.sequence());
  const absl::StatusOr<ErasureStatement> certified = ParseStatement(entry->leaf);
  ASSIGN_OR_RETURN(const std::string today, StatementOf(erasure, keyring.log_origin()));
  absl::StatusOr<ErasureStatement> recorded = ParseStatement(today);
  if (!certified.ok() || !recorded.ok()) return NotWhatTheLogSays(erasure.sequence());
  recorded->software_version = certified->software_version;
  recorded->physical_erasure.method = certified->physical_erasure.method;
  return *certified == *recorded ? absl::OkStatus() : NotWhatTheLogSays(erasure.sequence());
}

}  // namespace

absl::Status CheckLog(const Keyring& keyring, const std::function<void(const absl::Status&)>& problem) {
  problem(keyring.log().Verify());
  return keyring.erasures().Scan(1, [&](const records::Erasure& erasure) {
    if (erasure.state() == records::Erasure::COMPLETED) problem(CheckStatement(keyring, erasure));
    return true;
  });
}

}  // namespace expunge
