#include "proof/verify.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "proof/consistency_file.h"
#include "proof/dsse.h"
#include "proof/log_checkpoint.h"
#include "proof/merkle.h"
#include "proof/signed_note.h"
#include "proof/tlog_proof.h"

namespace expunge {
namespace {

constexpr char kNotChecked[] = "NOT_CHECKED";

absl::Status Refused(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

std::string Describe(const LogCheckpoint& checkpoint) {
  return absl::StrCat(checkpoint.origin, " of ", checkpoint.tree_size, " entries");
}

struct OpenProof {
  TlogProof proof;
  LogCheckpoint checkpoint;
};

absl::StatusOr<VerifierKey> ReadKey(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return ParseVerifierKey(text);
}

absl::StatusOr<ErasureStatement> ReadStatement(std::string_view payload) {
  ASSIGN_OR_RETURN(ErasureStatement statement, ParseStatement(payload));
  if (statement.physical_erasure.traces_found == 0) return statement;
  return Refused("STATEMENT_TRACES", absl::StrCat("the statement says that ", statement.physical_erasure.traces_found,
                                                  " traces of the subject were found"));
}

absl::StatusOr<OpenProof> OpenTlogProof(std::string_view text, const VerifierKey& key) {
  ASSIGN_OR_RETURN(TlogProof proof, ParseTlogProof(text));
  // Nobody signed it, so that a change in it would pass unseen; certificates do without.
  if (!proof.extra.empty()) return Refused("TLOG_PROOF_EXTRA", "a certificate's proof has no extra data");
  ASSIGN_OR_RETURN(LogCheckpoint checkpoint, OpenLogCheckpoint(proof.checkpoint, key));
  return OpenProof{.proof = std::move(proof), .checkpoint = std::move(checkpoint)};
}

absl::Status VerifyInLog(const ErasureStatement& statement, std::string_view payload, const OpenProof& log) {
  if (statement.log_origin != log.checkpoint.origin || statement.log_index != log.proof.index) {
    return Refused("LOG_PLACE_WRONG", absl::StrCat("the statement says that it is entry ", statement.log_index, " of ",
                                                   statement.log_origin, ", the proof is for entry ", log.proof.index,
                                                   " of ", log.checkpoint.origin));
  }
  return VerifyInclusion(log.proof.index, log.checkpoint.tree_size, LeafHash(payload), log.proof.hashes,
                         log.checkpoint.root);
}

absl::Status VerifySubject(const ErasureStatement& statement, const SubjectClaim& claim) {
  if (CommitToSubject(claim.nonce, claim.subject_id) == statement.subject_commitment) return absl::OkStatus();
  return Refused("SUBJECT_MISMATCH", "the statement is not about this subject, or the nonce is another");
}

absl::Status VerifySameLog(const LogCheckpoint& one, const LogCheckpoint& other,
                           const std::optional<std::string_view>& consistency, const VerifierKey& key) {
  const auto [older, newer] =
      std::minmax(one, other, [](const LogCheckpoint& a, const LogCheckpoint& b) { return a.tree_size < b.tree_size; });
  if (older.tree_size == newer.tree_size && !consistency) {
    return VerifyConsistency(older.tree_size, newer.tree_size, older.root, newer.root, {});
  }
  if (!consistency) {
    return Refused("CONSISTENCY_PROOF_MISSING",
                   absl::StrCat("a consistency proof from ", older.tree_size, " to ", newer.tree_size,
                                " entries is needed, as expunge log consistency prints it"));
  }
  ASSIGN_OR_RETURN(const ConsistencyFile file, ParseConsistencyFile(*consistency));
  if (file.from != older.tree_size || file.to != newer.tree_size) {
    return Refused("CONSISTENCY_PROOF_SIZES",
                   absl::StrCat("the consistency proof is from ", file.from, " to ", file.to,
                                " entries, needed is from ", older.tree_size, " to ", newer.tree_size));
  }
  ASSIGN_OR_RETURN(const LogCheckpoint proven, VerifyConsistencyFile(older, *consistency, key));
  // The same key signed two logs of one size.
  if (proven.root != newer.root) return Refused("PROOF_MISMATCH", "two logs of one size have different roots");
  return absl::OkStatus();
}

// Collects checks, each of which rests on earlier ones.
class Checklist {
 public:
  explicit Checklist(Verification* verification) : verification_(verification) {}

  // `check` is called where all that it rests on holds; gives what it gave, or nothing. `holds` says then what is
  // known.
  template <typename Check, typename Describe>
  auto Run(std::string_view part, bool can_check, Check check, Describe holds)
      -> std::optional<typename decltype(check())::value_type> {
    if (!can_check) return Skip(part), std::nullopt;
    auto result = check();
    if (!result.ok()) return Add(part, "", result.status()), std::nullopt;
    Add(part, holds(*result), absl::OkStatus());
    return *std::move(result);
  }

  template <typename Check>
  void Require(std::string_view part, bool can_check, Check check, const std::string& holds) {
    if (can_check) {
      Add(part, holds, check());
    } else {
      Skip(part);
    }
  }

 private:
  void Add(std::string_view part, std::string statement, absl::Status status) {
    verification_->checks.push_back(
        {.part = std::string(part), .statement = std::move(statement), .status = std::move(status)});
  }
  void Skip(std::string_view part) { Add(part, "", Refused(kNotChecked, "not checked")); }

  Verification* const verification_;
};

std::string DescribeStatement(const ErasureStatement& statement) {
  return absl::StrCat(statement.erasure, ": samples erased: ", statement.samples_erased,
                      ", shards: ", statement.tasks.size(), ", no traces found");
}

}  // namespace

bool Verification::ok() const {
  return !checks.empty() &&
         std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.status.ok(); });
}

Verification VerifyCertificate(const CertificateFiles& files) {
  Verification verification;
  Checklist list(&verification);
  const auto key = list.Run(
      "key", true, [&] { return ReadKey(files.verifier_key); },
      [](const VerifierKey& key) { return absl::StrCat("that of ", EnvelopeKeyId(key)); });
  const auto payload = list.Run(
      "envelope", key.has_value(), [&] { return OpenEnvelope(files.envelope, kStatementPayloadType, *key); },
      [&](const std::string&) { return absl::StrCat("signed by ", EnvelopeKeyId(*key)); });
  verification.statement = list.Run(
      "statement", payload.has_value(), [&] { return ReadStatement(*payload); }, DescribeStatement);
  const std::optional<ErasureStatement>& statement = verification.statement;
  const auto log = list.Run(
      "proof", key.has_value(), [&] { return OpenTlogProof(files.tlog_proof, *key); },
      [](const OpenProof& proof) { return absl::StrCat("a signed checkpoint of ", Describe(proof.checkpoint)); });
  list.Require(
      "inclusion", statement && log, [&] { return VerifyInLog(*statement, *payload, *log); },
      log ? absl::StrCat("the statement is entry ", log->proof.index) : "");
  if (files.subject) {
    list.Require(
        "subject", statement.has_value(), [&] { return VerifySubject(*statement, *files.subject); },
        "the statement is about this subject");
  }
  if (!files.known_checkpoint && !files.consistency) return verification;
  const auto known = list.Run(
      "known checkpoint", key.has_value(), [&] { return OpenLogCheckpoint(files.known_checkpoint.value_or(""), *key); },
      [](const LogCheckpoint& checkpoint) { return absl::StrCat("signed, of ", Describe(checkpoint)); });
  list.Require(
      "consistency", known && log, [&] { return VerifySameLog(*known, log->checkpoint, files.consistency, *key); },
      "the log only grew between the two checkpoints");
  return verification;
}

std::string RenderVerification(const Verification& verification) {
  std::string text;
  for (const Check& check : verification.checks) {
    if (check.status.ok()) {
      absl::StrAppend(&text, "ok    ", check.part, ": ", check.statement, "\n");
    } else if (ReasonOf(check.status) == kNotChecked) {
      absl::StrAppend(&text, "-     ", check.part, ": not checked\n");
    } else {
      absl::StrAppend(&text, "FAIL  ", check.part, ": ", check.status.message(), " (", ReasonOf(check.status), ")\n");
    }
  }
  absl::StrAppend(&text, verification.ok() ? "The certificate is genuine.\n" : "The certificate is NOT verified.\n");
  return text;
}

}  // namespace expunge
