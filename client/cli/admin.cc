#include <CLI/CLI.hpp>

#include "client/cli/admin_commands.h"
#include "client/cli/commands.h"

namespace expunge::cli {

void AddAdminCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("admin", "Back up, check, search and restore a server")->require_subcommand(1);
  group->footer("Example:\n  expunge admin backup /var/backups/expunge");
  AddAdminServerCommands(*group, action);
  AddAdminOfflineCommands(*group, action);
  AddAdminScanCommand(*group, action);
}

}  // namespace expunge::cli
