#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "admin/check.h"
#include "admin/restore.h"
#include "admin/rotate.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/admin_commands.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/options.h"

namespace expunge::cli {
namespace {

int64_t AsCount(uint64_t count) { return static_cast<int64_t>(count); }

std::string ReportText(const CheckReport& report) {
  Fields fields;
  fields.Add("models", ShowCount(AsCount(report.models)));
  fields.Add("subjects", ShowCount(AsCount(report.subjects)));
  fields.Add("samples", absl::StrCat(ShowCount(AsCount(report.samples)), ", each opened and compared"));
  fields.Add("checkpoints", absl::StrCat(ShowCount(AsCount(report.checkpoints)), " valid, ",
                                         ShowCount(AsCount(report.stale_checkpoints)), " to be trained again"));
  fields.Add("keys", absl::StrCat(ShowCount(AsCount(report.subject_keys)), " of subjects, ",
                                  ShowCount(AsCount(report.keys_without_samples)), " of them without samples, ",
                                  ShowCount(AsCount(report.checkpoint_keys)), " of checkpoints"));
  fields.Add("erasures", absl::StrCat(ShowCount(AsCount(report.erasures)), ", ",
                                      ShowCount(AsCount(report.unfinished_erasures)), " not finished"));
  fields.Add("log", absl::StrCat(ShowCount(AsCount(report.log_entries)), " entries, hashed anew, ",
                                 report.log_compared ? "what was signed before" : "NOT what was signed before"));
  fields.Add("waste", Plural(AsCount(report.dead_subjects), "subject") + " without a key, removed at the next start");
  std::string text = fields.ToString();
  for (const std::string& problem : report.problems) absl::StrAppend(&text, "PROBLEM: ", problem, "\n");
  absl::StrAppend(&text, report.problems.empty() ? "All of it is sound.\n" : "");
  return text;
}

std::string ReportJson(const CheckReport& report) {
  return JsonObject()
      .Add("models", AsCount(report.models))
      .Add("subjects", AsCount(report.subjects))
      .Add("samples", AsCount(report.samples))
      .Add("deadSubjects", AsCount(report.dead_subjects))
      .Add("checkpoints", AsCount(report.checkpoints))
      .Add("staleCheckpoints", AsCount(report.stale_checkpoints))
      .Add("subjectKeys", AsCount(report.subject_keys))
      .Add("keysWithoutSamples", AsCount(report.keys_without_samples))
      .Add("checkpointKeys", AsCount(report.checkpoint_keys))
      .Add("erasures", AsCount(report.erasures))
      .Add("unfinishedErasures", AsCount(report.unfinished_erasures))
      .Add("logEntries", AsCount(report.log_entries))
      .AddBool("logCompared", report.log_compared)
      .AddTexts("problems", report.problems)
      .ToString();
}

absl::Status Check(const CheckOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const CheckReport report, CheckDataDir(options));
  session.out() << (session.json() ? ReportJson(report) : ReportText(report));
  if (report.problems.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "DATA_DIR_DAMAGED",
               absl::StrCat(options.data_dir, " has ", Plural(AsCount(report.problems.size()), "problem"),
                            ". The main store is restored from a backup (expunge admin restore); the keyring with its "
                            "log, the log's key and its checkpoint from their newest copies"));
}

absl::Status RunRestore(const RestoreOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const RestoreReport report, Restore(options));
  const BackupInfo& info = report.backup;
  if (session.json()) {
    session.out() << JsonObject()
                         .Add("number", AsCount(info.number))
                         .Add("bytes", AsCount(info.bytes))
                         .AddBool("keyringCompared", report.compared)
                         .ToString();
  } else {
    session.out() << "restored backup " << info.number << " of "
                  << absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixSeconds(info.time_seconds),
                                      absl::UTCTimeZone())
                  << ". Start the server: it goes on with what the keyring still has the keys of.\n";
    if (!report.compared) {
      session.out()
          << "There was no store that could be read: that the keyring is the newest one, only you can know.\n";
    }
  }
  return absl::OkStatus();
}

absl::Status Rotate(const CheckOptions& options, Session& session) {
  RETURN_IF_ERROR(RotateMasterKey(options.data_dir, options.master_key_file));
  if (!session.json()) session.out() << "the keyring has a new master key; the old one opens nothing any more\n";
  return absl::OkStatus();
}

// What these commands write is nobody else's, whatever the caller's umask lets through: as with the server.
Action Private(Action action) {
  return [action = std::move(action)](Session& session) {
    umask(077);
    return action(session);
  };
}

void AddMasterKeyFile(CLI::App& command, std::string& file) {
  command.add_option("--master-key-file", file, "The server's master key; default: DIR/master.key")->type_name("FILE");
}

}  // namespace

void AddAdminOfflineCommands(CLI::App& group, Action& action) {
  const auto data = std::make_shared<CheckOptions>();
  CLI::App* check = group.add_subcommand("check", "Verify the data directory of a stopped server");
  AddArgument(*check, "DIR", data->data_dir, "The data directory");
  AddMasterKeyFile(*check, data->master_key_file);
  check->add_option("--log-key-file", data->log_key_file, "The log's key; default: DIR/log.key")->type_name("FILE");
  check
      ->add_option("--log-checkpoint-file", data->log_checkpoint_file,
                   "The log's newest signed checkpoint; default: DIR/log.checkpoint")
      ->type_name("FILE");
  check->footer("Example:\n  expunge admin check /var/lib/expunge/data");
  check->callback([data, &action] { action = Private([data](Session& session) { return Check(*data, session); }); });

  const auto restore_options = std::make_shared<RestoreOptions>();
  CLI::App* restore = group.add_subcommand("restore", "Put a backup beside the present keyring of a stopped server");
  AddArgument(*restore, "BACKUPS", restore_options->backup_dir, "Directory of backups");
  restore->add_option("--data-dir", restore_options->data_dir, "The data directory, with its keyring")
      ->required()
      ->type_name("DIR");
  restore->add_option("--number", restore_options->number, "Which backup; default: the newest")->type_name("N");
  AddMasterKeyFile(*restore, restore_options->master_key_file);
  restore->footer(
      "Replaces DIR/store when the backup is whole beside it; both need room. Who was forgotten since the backup "
      "stays\n"
      "forgotten: a keyring that is older than DIR/store or the backup, or not of this deployment, is refused.\n"
      "Example:\n  expunge admin restore /var/backups/expunge --data-dir /var/lib/expunge/data");
  restore->callback([restore_options, &action] {
    action = Private([restore_options](Session& session) { return RunRestore(*restore_options, session); });
  });

  CLI::App* rotate = group.add_subcommand("rotate-master-key", "Lock the keyring of a stopped server with a new key");
  rotate->add_option("--data-dir", data->data_dir, "The data directory")->required()->type_name("DIR");
  AddMasterKeyFile(*rotate, data->master_key_file);
  rotate->footer(
      "Wraps every key anew and touches no sample; the file is replaced.\n"
      "Example:\n  expunge admin rotate-master-key --data-dir /var/lib/expunge/data");
  rotate->callback([data, &action] { action = Private([data](Session& session) { return Rotate(*data, session); }); });
}

}  // namespace expunge::cli
