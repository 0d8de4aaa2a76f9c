#ifndef EXPUNGE_CLIENT_CLI_OPTIONS_H_
#define EXPUNGE_CLIENT_CLI_OPTIONS_H_

#include <cstdint>
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
  std::string state;
  bool overdue = false;
  std::string subject;
  std::string model;

  v1::ErasureFilter ToFilter() const;
};
void AddErasureFilterOptions(CLI::App& command, ErasureFilterOptions& options);

// Required arguments: a positional one, e.g. MODEL; a file behind a flag.
void AddArgument(CLI::App& command, const std::string& name, std::string& text, const std::string& description);
void AddFileOption(CLI::App& command, const std::string& flag, std::string& path, const std::string& description);

// A whole number of at least `min`, or within bounds.
enum class Presence { kRequired, kOptional };
struct Bounds {
  int64_t min;
  int64_t max;
};
void AddNumberOption(CLI::App& command, const std::string& flag, int64_t& number, Bounds bounds, Presence presence,
                     const std::string& description);
void AddNumberOption(CLI::App& command, const std::string& flag, int64_t& number, int64_t min, Presence presence,
                     const std::string& description);

// One of these words.
void AddWordOption(CLI::App& command, const std::string& flag, std::string& word, const std::vector<std::string>& words,
                   Presence presence, const std::string& description);

// Options checked by one of the parsers above.
void AddRegulationOption(CLI::App& command, std::string& text);
void AddTimeoutOption(CLI::App& command, std::string& text);
void AddDurationOption(CLI::App& command, const std::string& flag, std::string& text, const std::string& description,
                       absl::Duration max = absl::InfiniteDuration());

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_OPTIONS_H_
