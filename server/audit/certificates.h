#ifndef EXPUNGE_AUDIT_CERTIFICATES_H_
#define EXPUNGE_AUDIT_CERTIFICATES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "audit/log_signer.h"
#include "storage/keyring.h"

namespace expunge {

// What proves an erasure to a third party, offline.
struct Certificate {
  std::string envelope;    // DSSE
  uint64_t log_index = 0;  // of the statement in it
  std::string tlog_proof;  // its inclusion, with the signed checkpoint
};

// Certificates are made when they are asked for, from the statement in the log. Thread-safe; nothing is owned.
class Certificates {
 public:
  Certificates(const Keyring* keyring, LogSigner* signer) : keyring_(keyring), signer_(signer) {}

  // NOT_FOUND (ERASURE_NOT_FOUND); FAILED_PRECONDITION (ERASURE_NOT_COMPLETED).
  absl::StatusOr<Certificate> Get(std::string_view erasure_uuid) const;

 private:
  const Keyring* const keyring_;
  LogSigner* const signer_;
};

}  // namespace expunge

#endif  // EXPUNGE_AUDIT_CERTIFICATES_H_
