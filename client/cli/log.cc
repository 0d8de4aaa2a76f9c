#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/cli/log_commands.h"
#include "client/cli/options.h"
#include "client/cli/proto_time.h"
#include "client/log_monitor.h"
#include "proof/log_event.h"

namespace expunge::cli {
namespace {

constexpr int64_t kPageSize = 1000;

struct EntriesOptions {
  int64_t from = 0;
  int64_t limit = 0;  // 0: all
};

absl::Status Key(Session& session) {
  ASSIGN_OR_RETURN(const VerifierKey key, FetchVerifierKey(session.client()));
  const std::string text = FormatVerifierKey(key);
  session.out() << (session.json() ? JsonObject().AddText("verifierKey", text).ToString() : text + "\n");
  return absl::OkStatus();
}

absl::Status Checkpoint(Session& session) {
  ASSIGN_OR_RETURN(const v1::LogCheckpoint checkpoint, session.client().GetLogCheckpoint({}));
  if (session.json()) return session.PrintJson(checkpoint);
  session.out() << checkpoint.signed_note();
  return absl::OkStatus();
}

// What the log holds says its time. An entry of a newer version's is one of the log all the same.
std::string EntryLine(const v1::LogEntry& entry) {
  const auto description = DescribeLeaf(entry.data());
  if (description.ok()) return absl::StrCat(entry.log_index(), "  ", *description);
  return absl::StrCat(entry.log_index(), "  ", ShowTime(entry.has_log_time(), entry.log_time()),
                      "  of a kind that this version does not know");
}

absl::Status Entries(const EntriesOptions& options, Session& session) {
  v1::ListLogEntriesResponse all;
  v1::ListLogEntriesRequest request;
  request.set_first_index(static_cast<uint64_t>(options.from));
  int64_t listed = 0;
  do {
    const int64_t left = options.limit == 0 ? kPageSize : std::min(kPageSize, options.limit - listed);
    request.set_page_size(static_cast<int32_t>(left));
    ASSIGN_OR_RETURN(v1::ListLogEntriesResponse page, session.client().ListLogEntries(request));
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    listed += page.entries_size();
    if (session.json()) {
      all.MergeFrom(page);
      continue;
    }
    for (const v1::LogEntry& entry : page.entries()) session.out() << EntryLine(entry) << "\n";
  } while (!request.page_token().empty() && (options.limit == 0 || listed < options.limit));
  if (session.json()) return session.PrintJson(all);
  if (listed == 0) session.out() << "no entries\n";
  return absl::OkStatus();
}

}  // namespace

void AddLogCommands(CLI::App& app, Action& action) {
  CLI::App* group =
      app.add_subcommand("log", "Look at the append-only log of erasures, and watch it")->require_subcommand(1);
  group->footer("Example:\n  expunge log entries");

  CLI::App* key = group->add_subcommand("key", "Print the key with which certificates and the log are verified");
  key->footer(
      "It is what the server says of itself: compare it with what its operator tells you, and keep it.\n"
      "Example:\n  expunge log key > log.vkey");
  key->callback([&action] { action = Key; });

  CLI::App* checkpoint = group->add_subcommand("checkpoint", "Print a signed checkpoint of the log as it is now");
  checkpoint->footer(
      "A C2SP tlog-checkpoint. Kept, it shows later that the log only grew (expunge log consistency, verify).\n"
      "Example:\n  expunge log checkpoint > log.checkpoint");
  checkpoint->callback([&action] { action = Checkpoint; });

  const auto options = std::make_shared<EntriesOptions>();
  CLI::App* entries = group->add_subcommand("entries", "List the log's entries, a line each");
  AddNumberOption(*entries, "--from", options->from, 0, Presence::kOptional, "Index of the first; default: 0");
  AddNumberOption(*entries, "--limit", options->limit, 1, Presence::kOptional, "At most so many; default: all");
  entries->footer(
      "With --output json, data is the entry's bytes in base64.\nExample:\n  expunge log entries --from 100 --limit "
      "20");
  entries->callback(
      [options, &action] { action = [options](Session& session) { return Entries(*options, session); }; });

  AddLogConsistencyCommand(*group, action);
  AddLogWatchCommand(*group, action);
}

}  // namespace expunge::cli
