#include "audit/certificates.h"

#include <optional>
#include <vector>

#include "base/error.h"
#include "base/status_macros.h"
#include "proof/tlog_proof.h"

namespace expunge {

absl::StatusOr<Certificate> Certificates::Get(std::string_view erasure_uuid) const {
  ASSIGN_OR_RETURN(const auto erasure, keyring_->erasures().Find(erasure_uuid));
  if (!erasure) return Error(absl::StatusCode::kNotFound, "ERASURE_NOT_FOUND", "there is no such erasure");
  if (!erasure->has_log_index()) {
    return Error(absl::StatusCode::kFailedPrecondition, "ERASURE_NOT_COMPLETED",
                 "the erasure has no certificate yet: wait until it is COMPLETED");
  }
  const uint64_t index = erasure->log_index();
  ASSIGN_OR_RETURN(const std::optional<LogEntry> entry, keyring_->log().Get(index));
  if (!entry) {
    return Error(absl::StatusCode::kDataLoss, "LOG_ENTRY_MISSING",
                 "the log lacks the erasure's statement: run expunge admin check");
  }
  Certificate certificate = {.log_index = index};
  ASSIGN_OR_RETURN(certificate.envelope, signer_->SignStatement(entry->leaf));
  ASSIGN_OR_RETURN(const LogSigner::Signed newest, signer_->Sign());
  TlogProof proof = {.index = index, .checkpoint = newest.note};
  ASSIGN_OR_RETURN(proof.hashes, keyring_->log().InclusionProof(index, newest.checkpoint.tree_size));
  certificate.tlog_proof = FormatTlogProof(proof);
  return certificate;
}

}  // namespace expunge
