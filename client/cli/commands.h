#ifndef EXPUNGE_CLIENT_CLI_COMMANDS_H_
#define EXPUNGE_CLIENT_CLI_COMMANDS_H_

#include "client/cli/session.h"

namespace CLI {
class App;
}  // namespace CLI

namespace expunge::cli {

// Each adds one command, or group of commands, to the command line. When parsing finds the command, it puts what is to
// be done into `action`, which must live as long as `app`.
void AddModelCommands(CLI::App& app, Action& action);
void AddIngestCommand(CLI::App& app, Action& action);
void AddTrainCommand(CLI::App& app, Action& action);
void AddPredictCommand(CLI::App& app, Action& action);
void AddEvaluateCommand(CLI::App& app, Action& action);
void AddForgetCommand(CLI::App& app, Action& action);
void AddErasureCommands(CLI::App& app, Action& action);
void AddCertificateCommand(CLI::App& app, Action& action);
void AddVerifyCommand(CLI::App& app, Action& action);
void AddLogCommands(CLI::App& app, Action& action);
void AddAuditCommand(CLI::App& app, Action& action);
void AddReplayCommand(CLI::App& app, Action& action);
void AddAdminCommands(CLI::App& app, Action& action);
void AddBenchCommands(CLI::App& app, Action& action);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_COMMANDS_H_
