#ifndef EXPUNGE_CLIENT_CLI_LOG_COMMANDS_H_
#define EXPUNGE_CLIENT_CLI_LOG_COMMANDS_H_

#include "client/cli/session.h"

namespace CLI {
class App;
}  // namespace CLI

namespace expunge::cli {

// The commands of the group `log`; as in commands.h.
void AddLogConsistencyCommand(CLI::App& group, Action& action);
void AddLogWatchCommand(CLI::App& group, Action& action);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_LOG_COMMANDS_H_
