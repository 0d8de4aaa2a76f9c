#ifndef EXPUNGE_CLIENT_CLI_OPTIONS_H_
#define EXPUNGE_CLIENT_CLI_OPTIONS_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/session.h"
#include "expunge/v1/resources.pb.h"

namespace CLI {
class App;
}  // namespace CLI

namespace expunge::cli {

// "gdpr", "IN_PROGRESS", "in-progress": case and the kind of hyphen do not matter. Nullopt for what is none.
std::optional<v1::Regulation> ParseRegulation(std::string_view text);
std::optional<v1::Erasure::State> ParseErasureState(std::string_view text);

// "90" seconds, or absl's "1m30s"; more than 0. Nullopt for what is none.
std::optional<absl::Duration> ParseTimeout(std::string_view text);

// The options that choose erasures, for the commands that list them.
struct ErasureFilterOptions {
  std::vector<std::string> states;
  bool overdue = false;
  std::string subject;
  std::string model;

  v1::ErasureFilter ToFilter() const;
};
void AddErasureFilterOptions(CLI::App& command, ErasureFilterOptions& options);

// Adds an option checked by one of the parsers above.
void AddRegulationOption(CLI::App& command, std::string& text);
void AddTimeoutOption(CLI::App& command, std::string& text);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_OPTIONS_H_
