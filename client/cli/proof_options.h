#ifndef EXPUNGE_CLIENT_CLI_PROOF_OPTIONS_H_
#define EXPUNGE_CLIENT_CLI_PROOF_OPTIONS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/digest.h"
#include "client/cli/options.h"
#include "proof/log_checkpoint.h"

namespace expunge::cli {

// What the commands about certificates and the log have in common.

inline constexpr char kCertificateFile[] = "certificate.json";
inline constexpr char kTlogProofFile[] = "certificate.tlog-proof";

// Longer ones are not read: more than the formats allow.
inline constexpr size_t kMaxEnvelopeBytes = size_t{32} << 20;
inline constexpr size_t kMaxProofFileBytes = size_t{4} << 20;

// The log's verifier key: --key with its text, or --key-file.
struct KeyOptions {
  std::string key;
  std::string key_file;

  // Nullopt: neither was given. A newline at the end of the file may stay.
  absl::StatusOr<std::optional<std::string>> Text() const;
};
void AddKeyOptions(CLI::App& command, KeyOptions& options, const std::string& description);
// For a command's callback: a usage error where a required key was not given.
void RequireKey(const KeyOptions& options);

// The nonce as `forget` prints it: 64 hexadecimal digits, or base64 in JSON.
std::optional<Digest> ParseNonce(std::string_view text);

// What a signed checkpoint says; whether somebody signed it is not looked at. Errors: those of ParseLogCheckpoint.
absl::StatusOr<LogCheckpoint> PeekAtLogCheckpoint(std::string_view note);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_PROOF_OPTIONS_H_
