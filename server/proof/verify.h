#ifndef EXPUNGE_PROOF_VERIFY_H_
#define EXPUNGE_PROOF_VERIFY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/digest.h"
#include "proof/statement.h"

namespace expunge {

// Verifies an erasure's certificate without asking anybody: nothing but what is given here is looked at.

struct SubjectClaim {
  std::string_view subject_id;
  Digest nonce{};  // from the reply of Forget
};

// The contents of files; they must outlive the call.
struct CertificateFiles {
  std::string_view envelope;      // the certificate: a DSSE envelope around a statement
  std::string_view tlog_proof;    // that the log has the statement, with a signed checkpoint
  std::string_view verifier_key;  // of the log, from a place that is trusted; a newline at its end is allowed

  std::optional<SubjectClaim> subject;  // given: the certificate must be about this person

  // A signed checkpoint of the log that was kept from some time, older or newer than the proof's. Given: both must be
  // of one log that only ever grew. Where their sizes are equal, so must their roots be, and nothing else is needed.
  // Otherwise `consistency` must be a file (proof/consistency_file.h) from the smaller of the two to the larger: two
  // roots alone do not tell a log that grew from one that was rewritten.
  std::optional<std::string_view> known_checkpoint;
  std::optional<std::string_view> consistency;
};

// One thing that was looked at.
struct Check {
  std::string
      part;  // "key", "envelope", "statement", "proof", "inclusion", "subject", "known checkpoint", "consistency"
  std::string statement;  // what holds where `status` is OK
  absl::Status status;    // FAILED_PRECONDITION, NOT_CHECKED: what it rests on was refused
};

struct Verification {
  std::vector<Check> checks;                  // in the order in which they rest on one another
  std::optional<ErasureStatement> statement;  // where the key's owner signed it

  // Every check that was asked for holds.
  bool ok() const;
};

// Checks, in this order:
//   key               is a verifier key
//   envelope          is signed by the key; no bit of the file may be another (DSSE alone would not see every change)
//   statement         is one that this version understands, which found no traces
//   proof             is a tlog-proof without extra data, whose checkpoint is signed by the key
//   inclusion         the log of that checkpoint has the statement at the place that the statement names
//   subject           the statement commits to this person
//   known checkpoint  is signed by the key
//   consistency       the log of the smaller checkpoint is the beginning of that of the larger
// Thread-safe. The files may hold any bytes.
Verification VerifyCertificate(const CertificateFiles& files);

// A line for each check ("ok    part: ...", "FAIL  part: ...", "-     part: not checked"), and one with the outcome.
std::string RenderVerification(const Verification& verification);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_VERIFY_H_
