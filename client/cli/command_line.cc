#include "client/cli/command_line.h"

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/error.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/options.h"
#include "client/cli/refusal.h"

namespace expunge::cli {
namespace {

struct GlobalOptions {
  std::string address = "127.0.0.1:7400";
  std::string output = "text";
  std::string timeout = "60";
};

std::string CheckAddress(std::string& address) {
  return absl::StrContains(address, ':') ? std::string() : "must be HOST:PORT";
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  app.add_option("--address", options.address, "Where expunged listens")
      ->type_name("HOST:PORT")
      ->envname("EXPUNGE_ADDRESS")
      ->capture_default_str()
      ->check(CLI::Validator(CheckAddress, ""));
  AddWordOption(app, "--output", options.output, {"text", "json"}, Presence::kOptional,
                "Text for people (the default), or the response as protobuf JSON");
  AddTimeoutOption(app, options.timeout);
  app.set_version_flag("--version", "expunge " EXPUNGE_VERSION);
}

void AddCommands(CLI::App& app, Action& action) {
  AddModelCommands(app, action);
  AddIngestCommand(app, action);
  AddTrainCommand(app, action);
  AddPredictCommand(app, action);
  AddEvaluateCommand(app, action);
  AddForgetCommand(app, action);
  AddErasureCommands(app, action);
  AddCertificateCommand(app, action);
  AddVerifyCommand(app, action);
  AddLogCommands(app, action);
  AddAuditCommand(app, action);
  AddReplayCommand(app, action);
  AddAdminCommands(app, action);
  AddBenchCommands(app, action);
  for (CLI::App* command : app.get_subcommands({})) {
    command->group("Commands");
    for (CLI::App* nested : command->get_subcommands({})) nested->group("Commands");
  }
}

// "expunge erasure watch": the command that was being parsed.
std::string CommandPath(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app.get_name() : absl::StrCat(app.get_name(), " ", CommandPath(*parsed.front()));
}

// CLI11 misses a command before it wonders what stands in its place.
std::string Complaint(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
  if (error.get_name() != "RequiredError" || unknown.empty()) return error.what();
  return absl::StrCat("there is no command or option \"", unknown.front(), "\"");
}

std::string OneLine(absl::string_view text) { return absl::StrReplaceAll(text, {{"\r", ""}, {"\n", " "}}); }

int Run(const GlobalOptions& options, const Action& action, const Console& console) {
  Client::Options server;
  server.address = options.address;
  server.timeout = ParseTimeout(options.timeout).value_or(server.timeout);
  Session session(std::move(server), options.output == "json", console);
  absl::Status status = action(session);
  console.out.flush();
  if (status.ok() && !console.out) {
    status = Error(absl::StatusCode::kInternal, "OUTPUT_NOT_WRITTEN", "cannot write to the standard output");
  }
  if (status.ok()) return kExitOk;
  console.err << ErrorLine(status) << std::endl;
  if (ReasonOf(status) == kEnvironmentDiffers) return kExitEnvironmentDiffers;
  return IsRefusal(status) ? kExitRefused : kExitError;
}

}  // namespace

std::string ErrorLine(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  std::string line =
      absl::StrCat("expunge: ", absl::StatusCodeToString(status.code()),
                   reason.empty() ? "" : absl::StrCat(" (", reason, ")"), ": ", OneLine(status.message()));
  if (const auto retry_after = RetryAfterOf(status)) {
    absl::StrAppend(&line, "; may be retried in ", ShowDuration(*retry_after));
  }
  return line;
}

int RunCommandLine(int argument_count, const char* const* arguments, const Console& console) {
  CLI::App app("Trains and serves models that can forget a person, exactly and provably.", "expunge");
  GlobalOptions options;
  Action action;
  app.get_formatter()->label("REQUIRED", "(required)");
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.fallthrough();  // the global options may also come after the command
  app.require_subcommand(1);
  app.footer("Example:\n  expunge --address 127.0.0.1:7400 model list");
  AddGlobalOptions(app, options);
  AddCommands(app, action);
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::Success& wanted) {  // --help, --version
    app.exit(wanted, console.out, console.err);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    console.err << "expunge: usage: " << OneLine(Complaint(app, error)) << " (" << CommandPath(app)
                << " --help says more)" << std::endl;
    return kExitUsage;
  }
  return Run(options, action, console);
}

}  // namespace expunge::cli
