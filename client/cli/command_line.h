#ifndef EXPUNGE_CLIENT_CLI_COMMAND_LINE_H_
#define EXPUNGE_CLIENT_CLI_COMMAND_LINE_H_

#include <string>

#include "absl/status/status.h"
#include "client/cli/session.h"

namespace expunge::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;               // the server or a file said no
inline constexpr int kExitUsage = 2;               // the command line cannot be understood
inline constexpr int kExitRefused = 3;             // a proof was looked at and does not hold (client/cli/refusal.h)
inline constexpr int kExitEnvironmentDiffers = 4;  // an error with this reason: a replay had nothing to compare

inline constexpr char kEnvironmentDiffers[] = "ENVIRONMENT_DIFFERS";

// The whole command: parses, runs, reports. Returns the exit status. `arguments` with the program's name.
int RunCommandLine(int argument_count, const char* const* arguments, const Console& console);

// One line: "expunge: NOT_FOUND (MODEL_NOT_FOUND): there is no model ...".
std::string ErrorLine(const absl::Status& status);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_COMMAND_LINE_H_
