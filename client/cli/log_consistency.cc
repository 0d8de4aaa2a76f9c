#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "client/cli/json.h"
#include "client/cli/log_commands.h"
#include "client/cli/options.h"
#include "client/cli/proof_options.h"
#include "client/cli/refusal.h"
#include "client/small_file.h"
#include "proof/consistency_file.h"
#include "proof/text_codec.h"
#include "proof/tlog_proof.h"

namespace expunge::cli {
namespace {

struct ConsistencyOptions {
  std::string from;
  std::string to;
};

// One end of the proof.
struct End {
  uint64_t size = 0;
  std::string note;                         // where a file was given, or the server's
  std::optional<LogCheckpoint> checkpoint;  // of the note
};

absl::StatusOr<End> OfNote(std::string note, const VerifierKey& key) {
  absl::StatusOr<LogCheckpoint> opened = OpenLogCheckpoint(note, key);
  if (absl::IsFailedPrecondition(opened.status())) {
    return Refusal(ReasonOf(opened.status()), std::string(opened.status().message()));
  }
  ASSIGN_OR_RETURN(LogCheckpoint checkpoint, std::move(opened));
  return End{.size = checkpoint.tree_size, .note = std::move(note), .checkpoint = std::move(checkpoint)};
}

// A size, or a file with a signed checkpoint of that size: a checkpoint or a tlog-proof.
absl::StatusOr<End> ReadEnd(const std::string& text, const VerifierKey& key) {
  if (const std::optional<uint64_t> size = ParseDecimal(text)) return End{.size = *size};
  ASSIGN_OR_RETURN(std::string content, ReadSmallFile(text, kMaxProofFileBytes));
  if (absl::StartsWith(content, "c2sp.org/tlog-proof@")) {
    ASSIGN_OR_RETURN(TlogProof proof, ParseTlogProof(content));
    content = std::move(proof.checkpoint);
  }
  return OfNote(std::move(content), key);
}

absl::Status Consistency(const ConsistencyOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const v1::LogCheckpoint newest, session.client().GetLogCheckpoint({}));
  ASSIGN_OR_RETURN(const VerifierKey key, ParseVerifierKey(newest.verifier_key()));
  ASSIGN_OR_RETURN(const End from, ReadEnd(options.from, key));
  ASSIGN_OR_RETURN(const End now, OfNote(newest.signed_note(), key));
  End to = now;
  if (!options.to.empty()) {
    ASSIGN_OR_RETURN(to, ReadEnd(options.to, key));
    if (to.size == now.size && !to.checkpoint) to = now;
  }
  if (!to.checkpoint) {
    return Error(absl::StatusCode::kInvalidArgument, "LOG_CHECKPOINT_MISSING",
                 absl::StrCat("the server signs its newest checkpoint alone, of ", now.size,
                              " entries: give --to the file with the signed one of ", to.size));
  }
  if (from.checkpoint && from.size > now.size) {
    return Refusal("LOG_ROLLED_BACK", absl::StrCat("the log has ", now.size, " entries, and had ", from.size,
                                                   " when the checkpoint was signed"));
  }
  if (from.size > to.size) {
    return Error(
        absl::StatusCode::kInvalidArgument, "LOG_RANGE",
        absl::StrCat("--from is of ", from.size, " entries and --to of ", to.size, ": it must be the older one"));
  }
  v1::GetConsistencyProofRequest request;
  request.set_first_tree_size(from.size);
  request.set_second_tree_size(to.size);
  ASSIGN_OR_RETURN(const v1::ConsistencyProof proof, session.client().GetConsistencyProof(request));
  ConsistencyFile file = {.from = from.size, .to = to.size, .hashes = {}, .checkpoint = to.note};
  for (const std::string& hash : proof.hashes()) {
    ASSIGN_OR_RETURN(file.hashes.emplace_back(), DigestFromBytes(hash));
  }
  const std::string text = FormatConsistencyFile(file);
  if (from.checkpoint) {
    const absl::Status holds = VerifyConsistencyFile(*from.checkpoint, text, key).status();
    if (!holds.ok()) return Refusal(ReasonOf(holds), std::string(holds.message()));
  }
  if (session.json()) {
    session.out() << JsonObject()
                         .Add("firstTreeSize", static_cast<int64_t>(from.size))
                         .Add("secondTreeSize", static_cast<int64_t>(to.size))
                         .AddText("proof", text)
                         .ToString();
  } else {
    session.out() << text;
  }
  return absl::OkStatus();
}

}  // namespace

void AddLogConsistencyCommand(CLI::App& group, Action& action) {
  const auto options = std::make_shared<ConsistencyOptions>();
  CLI::App* command = group.add_subcommand("consistency", "Print the proof that the log only grew between two sizes");
  command
      ->add_option("--from", options->from,
                   "The older size; or a file with a signed checkpoint of it, then the proof is checked as well")
      ->required()
      ->type_name("SIZE|FILE");
  command
      ->add_option("--to", options->to,
                   "The newer size, in a file with a signed checkpoint or tlog-proof of it; default: the newest")
      ->type_name("SIZE|FILE");
  command->footer(
      "For expunge verify --consistency. Exit status 3: a signed checkpoint does not belong to this log, by the key\n"
      "that the server names.\n"
      "Example:\n"
      "  expunge log consistency --from log.checkpoint --to certificate.tlog-proof > log.consistency");
  command->callback(
      [options, &action] { action = [options](Session& session) { return Consistency(*options, session); }; });
}

}  // namespace expunge::cli
