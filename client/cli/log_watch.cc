#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/log_commands.h"
#include "client/cli/options.h"
#include "client/cli/proof_options.h"
#include "client/cli/refusal.h"
#include "client/log_monitor.h"
#include "client/small_file.h"
#include "proof/text_codec.h"

namespace expunge::cli {
namespace {

struct WatchOptions {
  std::string state;
  KeyOptions key;
  std::string interval = "60";
  bool once = false;
};

absl::StatusOr<std::optional<FollowedLog>> ReadState(const std::string& path) {
  const auto text = ReadSmallFile(path, kMaxProofFileBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  RETURN_IF_ERROR(text.status());
  auto log = ParseFollowedLog(*text);
  if (log.ok()) return std::optional<FollowedLog>(*std::move(log));
  return Error(log.status().code(), ReasonOf(log.status()), absl::StrCat(path, ": ", log.status().message()));
}

// The key that was given, which must be the one that is remembered.
absl::StatusOr<std::optional<VerifierKey>> ReadKey(const WatchOptions& options,
                                                   const std::optional<FollowedLog>& known) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, options.key.Text());
  if (!text) return known ? std::optional<VerifierKey>(known->key) : std::nullopt;
  ASSIGN_OR_RETURN(VerifierKey key, ParseVerifierKey(*text));
  if (!known || known->key == key) return std::optional<VerifierKey>(std::move(key));
  return Error(absl::StatusCode::kFailedPrecondition, "LOG_STATE_KEY",
               absl::StrCat(options.state, " follows the log of another key, ", FormatVerifierKey(known->key)));
}

class Watch {
 public:
  Watch(const WatchOptions& options, Session& session) : options_(options), session_(session) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(known_, ReadState(options_.state));
    ASSIGN_OR_RETURN(key_, ReadKey(options_, known_));
    for (;;) {
      const absl::StatusOr<LogLook> look = Look();
      if (look.ok()) {
        RETURN_IF_ERROR(Judge(*look));
      } else if (options_.once) {
        return look.status();
      } else {
        session_.Warn(absl::StrCat(ShowTime(absl::Now()), "  the log cannot be seen, trying again every ",
                                   ShowDuration(interval()), ": ", look.status().message()));
      }
      if (options_.once) return absl::OkStatus();
      absl::SleepFor(interval());
    }
  }

 private:
  absl::Duration interval() const { return ParseTimeout(options_.interval).value_or(absl::Minutes(1)); }

  absl::StatusOr<LogLook> Look() {
    if (!key_) {
      ASSIGN_OR_RETURN(key_, FetchVerifierKey(session_.client()));
      session_.Warn(absl::StrCat("no --key was given: trusting from now on the one that the server names, ",
                                 FormatVerifierKey(*key_), "; compare it with what its operator tells you"));
    }
    return LookAtLog(session_.client(), *key_, known_);
  }

  absl::Status Judge(const LogLook& look) {
    if (!look.verdict.ok()) {
      ShowEvidence(look);
      return Refusal(ReasonOf(look.verdict), absl::StrCat("THE LOG CANNOT BE TRUSTED: ", look.verdict.message(),
                                                          "; keep the evidence, and ", options_.state, " as it is"));
    }
    const bool is_new = !known_ || known_->note != look.note;
    if (is_new) RETURN_IF_ERROR(WriteSmallFile(options_.state, FormatFollowedLog(look.log)));
    if (is_new || options_.once) Report(look.log.checkpoint);
    known_ = look.log;
    return absl::OkStatus();
  }

  // A document on a line of its own: a watch has no end.
  void Report(const LogCheckpoint& now) {
    const std::string root = EncodeBase64(AsBytes(now.root));
    if (session_.json()) {
      JsonObject json;
      json.AddText("time", absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()));
      json.AddText("origin", now.origin);
      json.Add("treeSize", static_cast<int64_t>(now.tree_size)).AddText("rootHash", root);
      if (known_) json.Add("knownTreeSize", static_cast<int64_t>(known_->checkpoint.tree_size));
      session_.out() << json.ToLine() << std::endl;
      return;
    }
    std::string before = "first look";
    if (known_) {
      const auto grown = static_cast<int64_t>(now.tree_size - known_->checkpoint.tree_size);
      before = grown == 0 ? "as before" : absl::StrCat(ShowCount(grown), " more, the others as before");
    }
    session_.Tell(absl::StrCat(ShowTime(absl::Now()), "  ", now.origin, "  ", now.tree_size, " entries (", before,
                               "), root ", root));
  }

  void ShowEvidence(const LogLook& look) {
    // What is no note may hold anything, and goes to a terminal.
    const std::string answer = IsNoteText(look.note) ? look.note : absl::CHexEscape(look.note) + "\n";
    if (session_.json()) {
      JsonObject json;
      json.AddText("reason", ReasonOf(look.verdict)).AddText("message", std::string(look.verdict.message()));
      if (known_) json.AddText("known", known_->note);
      session_.out() << json.AddText("answer", answer).ToLine() << std::endl;
      return;
    }
    if (known_) session_.Tell(absl::StrCat("--- signed before:\n", known_->note));
    session_.Tell(absl::StrCat("--- what the server answers now:\n", answer, "---"));
  }

  const WatchOptions& options_;
  Session& session_;
  std::optional<FollowedLog> known_;
  std::optional<VerifierKey> key_;
};

}  // namespace

void AddLogWatchCommand(CLI::App& group, Action& action) {
  const auto options = std::make_shared<WatchOptions>();
  CLI::App* command =
      group.add_subcommand("watch", "Follow the log, and raise the alarm when it is not the one that it was");
  AddFileOption(*command, "--state", options->state,
                "Where the key and the newest checkpoint are remembered; made at the first look");
  AddKeyOptions(*command, options->key, "The log's verifier key; default: what the server says at the first look");
  AddDurationOption(*command, "--interval", options->interval, "Time between two looks");
  command->add_flag("--once", options->once, "Look once and end");
  command->footer(
      "Prints a line for each new checkpoint, once it is shown that the log only grew. Ends with exit status 3, and\n"
      "both checkpoints as evidence, when it was rolled back or rewritten or the signature is not the key's; the "
      "state\n"
      "file stays as it was then, and every later watch says so again. A server that does not answer is asked again.\n"
      "May be ended at any time (Ctrl-C, SIGTERM).\n"
      "Example:\n"
      "  expunge log watch --state log.state --key-file log.vkey");
  command->callback(
      [options, &action] { action = [options](Session& session) { return Watch(*options, session).Run(); }; });
}

}  // namespace expunge::cli
