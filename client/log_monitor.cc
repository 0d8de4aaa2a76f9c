#include "client/log_monitor.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "proof/merkle.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

constexpr std::string_view kHeader = "expunge log watch v1";

absl::Status Refused(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

absl::Status Damaged() {
  return Refused("LOG_STATE_DAMAGED",
                 "not the state of a watch as it was written: put back a copy of it, or name another file");
}

absl::Status Rewritten(const LogCheckpoint& known, const LogCheckpoint& now) {
  return Refused("LOG_REWRITTEN", absl::StrCat("the log of ", now.tree_size, " entries is not shown to begin with the ",
                                               known.tree_size, " entries that were signed before"));
}

// Whether `now` goes on from `known`. An error is the server's; the verdict is in `*verdict`.
absl::Status Compare(Client& client, const LogCheckpoint& known, const LogCheckpoint& now, absl::Status* verdict) {
  if (now.tree_size < known.tree_size) {
    *verdict = Refused("LOG_ROLLED_BACK", absl::StrCat("the log has ", now.tree_size, " entries, and had ",
                                                       known.tree_size, " when it was signed before"));
    return absl::OkStatus();
  }
  std::vector<Digest> hashes;
  if (now.tree_size > known.tree_size) {
    v1::GetConsistencyProofRequest request;
    request.set_first_tree_size(known.tree_size);
    request.set_second_tree_size(now.tree_size);
    const auto proof = client.GetConsistencyProof(request);
    // It signed the larger size: that it has no such tree contradicts that.
    if (absl::IsOutOfRange(proof.status())) {
      *verdict = Rewritten(known, now);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(proof.status());
    for (const std::string& bytes : proof->hashes()) {
      const auto hash = DigestFromBytes(bytes);
      hashes.push_back(hash.ok() ? *hash : Digest{});
    }
  }
  const bool goes_on = VerifyConsistency(known.tree_size, now.tree_size, known.root, now.root, hashes).ok();
  *verdict = goes_on ? absl::OkStatus() : Rewritten(known, now);
  return absl::OkStatus();
}

}  // namespace

std::string FormatFollowedLog(const FollowedLog& log) {
  return absl::StrCat(ToAbsl(kHeader), "\n", FormatVerifierKey(log.key), "\n\n", log.note);
}

absl::StatusOr<FollowedLog> ParseFollowedLog(std::string_view text) {
  LineReader lines(text);
  const bool is_header = lines.Next() == kHeader;
  const auto key = ParseVerifierKey(lines.Next().value_or(""));
  const bool is_blank = lines.Next() == "";
  if (!is_header || !key.ok() || !is_blank) return Damaged();
  const auto checkpoint = OpenLogCheckpoint(lines.rest(), *key);
  if (!checkpoint.ok()) return Damaged();
  return FollowedLog{.key = *key, .checkpoint = *checkpoint, .note = std::string(lines.rest())};
}

absl::StatusOr<VerifierKey> FetchVerifierKey(Client& client) {
  ASSIGN_OR_RETURN(const v1::LogCheckpoint answer, client.GetLogCheckpoint({}));
  return ParseVerifierKey(answer.verifier_key());
}

absl::StatusOr<LogLook> LookAtLog(Client& client, const VerifierKey& key, const std::optional<FollowedLog>& known) {
  ASSIGN_OR_RETURN(v1::LogCheckpoint answer, client.GetLogCheckpoint({}));
  LogLook look;
  look.note = std::move(*answer.mutable_signed_note());
  const auto checkpoint = OpenLogCheckpoint(look.note, key);
  look.verdict = checkpoint.status();
  if (checkpoint.ok() && known) RETURN_IF_ERROR(Compare(client, known->checkpoint, *checkpoint, &look.verdict));
  if (look.verdict.ok()) look.log = {.key = key, .checkpoint = *checkpoint, .note = look.note};
  return look;
}

}  // namespace expunge
