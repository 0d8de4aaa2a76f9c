#ifndef EXPUNGE_CLIENT_CLI_ADMIN_COMMANDS_H_
#define EXPUNGE_CLIENT_CLI_ADMIN_COMMANDS_H_

#include "client/cli/session.h"

namespace CLI {
class App;
}  // namespace CLI

namespace expunge::cli {

// The commands of the group `admin`; as in commands.h.
void AddAdminScanCommand(CLI::App& group, Action& action);
void AddAdminServerCommands(CLI::App& group, Action& action);   // asked of a running server
void AddAdminOfflineCommands(CLI::App& group, Action& action);  // on the files of one that is stopped

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_ADMIN_COMMANDS_H_
