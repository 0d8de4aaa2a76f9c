#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/proof_options.h"
#include "client/cli/refusal.h"
#include "client/cli/verification.h"
#include "client/names.h"
#include "client/small_file.h"
#include "proof/tlog_proof.h"

namespace expunge::cli {
namespace {

struct CertificateOptions {
  std::string erasure;
  std::string out;
  KeyOptions key;
};

// What a file has; empty when it is not there.
absl::StatusOr<std::string> ReadIfThere(const std::string& path, size_t max_bytes) {
  absl::StatusOr<std::string> bytes = ReadSmallFile(path, max_bytes);
  if (absl::IsNotFound(bytes.status())) return std::string();
  return bytes;
}

// A certificate is always the same; a proof that it is in the log may be replaced by one in the log as it has grown.
// Anything else that is there may be the only copy of somebody's evidence.
absl::Status CheckFilesThere(const std::string& envelope_file, const std::string& envelope,
                             const std::string& proof_file, const std::string& proof) {
  ASSIGN_OR_RETURN(const std::string old_envelope, ReadIfThere(envelope_file, kMaxEnvelopeBytes));
  ASSIGN_OR_RETURN(const std::string old_proof, ReadIfThere(proof_file, kMaxProofFileBytes));
  const bool other_envelope = !old_envelope.empty() && old_envelope != envelope;
  const bool other_proof = old_envelope.empty() && !old_proof.empty() && old_proof != proof;
  if (!other_envelope && !other_proof) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "CERTIFICATE_EXISTS",
               absl::StrCat(other_envelope ? envelope_file : proof_file,
                            " is there and is of another certificate; choose another directory"));
}

// That the key's owner signed it, that the log has it, and that it is about this erasure.
absl::Status VerifyFetched(const v1::Certificate& certificate, const std::string& erasure, const std::string& key,
                           Session& session) {
  const Verification verification = VerifyCertificate(
      {.envelope = certificate.envelope(), .tlog_proof = certificate.tlog_proof(), .verifier_key = key});
  if (!session.json()) session.out() << RenderVerification(verification);
  RETURN_IF_ERROR(OutcomeOf(verification));
  if (verification.statement->erasure == erasure) return absl::OkStatus();
  return Refusal("CERTIFICATE_NOT_VERIFIED",
                 absl::StrCat("the server gave the certificate of ", verification.statement->erasure));
}

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return Error(absl::StatusCode::kInternal, "FILE_NOT_WRITTEN", absl::StrCat(path, ": ", error.message()));
}

absl::Status Fetch(const CertificateOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const std::optional<std::string> key, options.key.Text());
  v1::GetCertificateRequest request;
  request.set_name(ErasureName(options.erasure));
  ASSIGN_OR_RETURN(const v1::Certificate certificate, session.client().GetCertificate(request));
  ASSIGN_OR_RETURN(const TlogProof proof, ParseTlogProof(certificate.tlog_proof()));
  ASSIGN_OR_RETURN(const LogCheckpoint checkpoint, PeekAtLogCheckpoint(proof.checkpoint));
  if (key) RETURN_IF_ERROR(VerifyFetched(certificate, request.name(), *key, session));

  const std::filesystem::path directory = options.out;
  const std::string envelope_file = directory / kCertificateFile, proof_file = directory / kTlogProofFile;
  RETURN_IF_ERROR(MakeDirectory(options.out));
  RETURN_IF_ERROR(CheckFilesThere(envelope_file, certificate.envelope(), proof_file, certificate.tlog_proof()));
  RETURN_IF_ERROR(WriteSmallFile(envelope_file, certificate.envelope()));
  RETURN_IF_ERROR(WriteSmallFile(proof_file, certificate.tlog_proof()));
  const auto index = static_cast<int64_t>(proof.index), size = static_cast<int64_t>(checkpoint.tree_size);
  if (session.json()) {
    session.out() << JsonObject()
                         .AddText("erasure", request.name())
                         .AddText("certificate", envelope_file)
                         .AddText("proof", proof_file)
                         .Add("logIndex", index)
                         .Add("treeSize", size)
                         .AddBool("verified", key.has_value())
                         .ToString();
    return absl::OkStatus();
  }
  Fields fields;
  fields.Add("certificate", absl::StrCat(envelope_file, ", ", Plural(certificate.envelope().size(), "byte")));
  fields.Add("proof",
             absl::StrCat(proof_file, ": entry ", index, " of ", checkpoint.origin, ", signed at ", size, " entries"));
  session.out() << fields.ToString();
  if (!key) session.out() << "\ncheck it, anywhere, with: expunge verify " << envelope_file << " --key VKEY\n";
  return absl::OkStatus();
}

}  // namespace

void AddCertificateCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<CertificateOptions>();
  CLI::App* command = app.add_subcommand("certificate", "Fetch the signed certificate of a completed erasure");
  AddArgument(*command, "ERASURE", options->erasure, "Name of the erasure, as forget printed it");
  command
      ->add_option("--out", options->out, "Directory for certificate.json and certificate.tlog-proof; made if missing")
      ->required()
      ->type_name("DIR");
  AddKeyOptions(*command, options->key, "Write it only if it verifies with this key of the log");
  command->footer(
      "The proof of a certificate that is there already is replaced by the newest; files of another one are kept, and\n"
      "the command fails. Exit status 3: it does not verify.\n"
      "Example:\n"
      "  expunge certificate erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10 --out certificate");
  command->callback([options, &action] { action = [options](Session& session) { return Fetch(*options, session); }; });
}

}  // namespace expunge::cli
