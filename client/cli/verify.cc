#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/cli/proof_options.h"
#include "client/cli/refusal.h"
#include "client/cli/verification.h"
#include "client/small_file.h"

namespace expunge::cli {
namespace {

struct VerifyOptions {
  std::string certificate;
  std::string proof;
  KeyOptions key;
  std::string subject;
  std::string nonce;
  std::string older_checkpoint;
  std::string consistency;
};

absl::Status Verify(const VerifyOptions& options, Session& session) {
  const std::string proof_file =
      !options.proof.empty() ? options.proof
                             : (std::filesystem::path(options.certificate).parent_path() / kTlogProofFile).string();
  ASSIGN_OR_RETURN(const std::string envelope, ReadSmallFile(options.certificate, kMaxEnvelopeBytes));
  const auto proof = ReadSmallFile(proof_file, kMaxProofFileBytes);
  if (absl::IsNotFound(proof.status()) && options.proof.empty()) {
    return Error(absl::StatusCode::kNotFound, "FILE_UNREADABLE",
                 absl::StrCat(proof_file, " is not there: name the certificate's proof with --proof"));
  }
  RETURN_IF_ERROR(proof.status());
  ASSIGN_OR_RETURN(const std::optional<std::string> key, options.key.Text());
  CertificateFiles files = {.envelope = envelope, .tlog_proof = *proof, .verifier_key = *key};
  if (!options.nonce.empty()) {
    files.subject = {.subject_id = options.subject, .nonce = ParseNonce(options.nonce).value()};
  }
  std::string known_checkpoint, consistency;
  if (!options.older_checkpoint.empty()) {
    ASSIGN_OR_RETURN(known_checkpoint, ReadSmallFile(options.older_checkpoint, kMaxProofFileBytes));
    files.known_checkpoint = known_checkpoint;
  }
  if (!options.consistency.empty()) {
    ASSIGN_OR_RETURN(consistency, ReadSmallFile(options.consistency, kMaxProofFileBytes));
    files.consistency = consistency;
  }
  const Verification verification = VerifyCertificate(files);
  session.out() << (session.json() ? VerificationJson(verification) : RenderVerification(verification));
  return OutcomeOf(verification);
}

}  // namespace

void AddVerifyCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", "Check an erasure's certificate, without any server");
  AddArgument(*command, "CERTIFICATE", options->certificate, "The certificate: certificate.json");
  command->add_option("--proof", options->proof, "That the log has it; default: certificate.tlog-proof beside it")
      ->type_name("FILE");
  AddKeyOptions(*command, options->key, "The log's verifier key, from a place that you trust");
  CLI::Option* subject =
      command->add_option("--subject", options->subject, "Also check that it is about this subject, as it was ingested")
          ->type_name("SUBJECT");
  CLI::Option* nonce = command->add_option("--nonce", options->nonce, "The subject's nonce, as forget printed it")
                           ->type_name("NONCE")
                           ->check(CLI::Validator(
                               [](std::string& text) {
                                 return ParseNonce(text) ? "" : "must be 64 hexadecimal digits, or base64 of 32 bytes";
                               },
                               ""));
  subject->needs(nonce);
  nonce->needs(subject);
  CLI::Option* older =
      command
          ->add_option(
              "--older-checkpoint", options->older_checkpoint,
              "Also check that the log only grew between this signed checkpoint, kept earlier, and the proof's")
          ->type_name("FILE");
  command
      ->add_option("--consistency", options->consistency,
                   "The proof of that, as expunge log consistency prints it; not needed where the sizes are equal")
      ->type_name("FILE")
      ->needs(older);
  command->footer(
      "Exit status: 0 when all of it holds, 3 when something does not, 1 when a file cannot be read.\n"
      "The certificate is one file, byte for byte: do not format it anew.\n"
      "Example:\n"
      "  expunge verify certificate.json --key-file log.vkey --subject person-000042 --nonce NONCE");
  command->callback([options, &action] {
    RequireKey(options->key);
    action = [options](Session& session) { return Verify(*options, session); };
  });
}

}  // namespace expunge::cli
