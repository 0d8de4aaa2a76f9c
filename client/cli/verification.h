#ifndef EXPUNGE_CLIENT_CLI_VERIFICATION_H_
#define EXPUNGE_CLIENT_CLI_VERIFICATION_H_

#include <string>

#include "absl/status/status.h"
#include "proof/verify.h"

namespace expunge::cli {

// Verifications for programs: whether all holds, each check, and the statement where all holds. For people there is
// RenderVerification.
std::string VerificationJson(const Verification& verification);

// OK, or a refusal with reason CERTIFICATE_NOT_VERIFIED.
absl::Status OutcomeOf(const Verification& verification);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_VERIFICATION_H_
