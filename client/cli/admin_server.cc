#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "base/status_macros.h"
#include "client/cli/admin_commands.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/options.h"

namespace expunge::cli {
namespace {

absl::Status Backup(const std::string& directory, Session& session) {
  v1::CreateBackupRequest request;
  request.set_directory(std::filesystem::absolute(directory).lexically_normal().string());
  ASSIGN_OR_RETURN(const v1::Backup backup, session.client().CreateBackup(request));
  if (session.json()) return session.PrintJson(backup);
  session.out() << "backup " << backup.number() << " in " << request.directory() << ": "
                << ShowCount(static_cast<int64_t>(backup.bytes()))
                << " bytes, without any key. The keyring is not part of it: restore it beside the present one.\n";
  return absl::OkStatus();
}

absl::Status Reclaim(Session& session) {
  ASSIGN_OR_RETURN(const v1::ReclaimResponse reply, session.client().Reclaim({}));
  if (session.json()) return session.PrintJson(reply);
  session.out() << "reclaimed " << Plural(static_cast<int64_t>(reply.erasures_reclaimed()), "erasure")
                << ": nothing of what they erased is in any file\n";
  return absl::OkStatus();
}

}  // namespace

void AddAdminServerCommands(CLI::App& group, Action& action) {
  const auto directory = std::make_shared<std::string>();
  CLI::App* backup = group.add_subcommand("backup", "Back up the main store of a running server, without any key");
  AddArgument(*backup, "DIR", *directory, "Directory of backups on the server's machine, outside its data directory");
  backup->footer(
      "What is erased later stays erased after a restore: its keys are gone.\n"
      "Example:\n  expunge admin backup /var/backups/expunge");
  backup->callback(
      [directory, &action] { action = [directory](Session& session) { return Backup(*directory, session); }; });

  CLI::App* reclaim = group.add_subcommand("reclaim", "Take what no key opens any more out of the files, now");
  reclaim->footer("Example:\n  expunge admin reclaim");
  reclaim->callback([&action] { action = [](Session& session) { return Reclaim(session); }; });
}

}  // namespace expunge::cli
