#include "client/cli/options.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/string_view.h"
#include "client/names.h"

namespace expunge::cli {
namespace {

std::string EnumName(std::string_view text) {
  return absl::StrReplaceAll(absl::AsciiStrToUpper(ToAbsl(text)), {{"-", "_"}});
}

// A CLI11 validator for values that `parse` understands.
template <typename Parse>
CLI::Validator Understood(Parse parse, const std::string& wanted) {
  return CLI::Validator(
      [parse, wanted](std::string& text) { return parse(text) ? std::string() : "must be " + wanted; }, "");
}

}  // namespace

std::optional<v1::Regulation> ParseRegulation(std::string_view text) {
  v1::Regulation regulation;
  if (!v1::Regulation_Parse(EnumName(text), &regulation) || regulation == v1::REGULATION_UNSPECIFIED) {
    return std::nullopt;
  }
  return regulation;
}

std::optional<v1::Erasure::State> ParseErasureState(std::string_view text) {
  v1::Erasure::State state;
  if (!v1::Erasure::State_Parse(EnumName(text), &state) || state == v1::Erasure::STATE_UNSPECIFIED) return std::nullopt;
  return state;
}

std::optional<absl::Duration> ParseTimeout(std::string_view text) {
  absl::Duration duration;
  double seconds = 0;
  if (absl::SimpleAtod(ToAbsl(text), &seconds)) {
    if (std::isnan(seconds)) return std::nullopt;
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(ToAbsl(text), &duration)) {
    return std::nullopt;
  }
  if (duration <= absl::ZeroDuration()) return std::nullopt;
  return duration;
}

v1::ErasureFilter ErasureFilterOptions::ToFilter() const {
  v1::ErasureFilter filter;
  filter.set_state(ParseErasureState(state).value_or(v1::Erasure::STATE_UNSPECIFIED));
  filter.set_overdue(overdue);
  filter.set_subject_id(subject);
  if (!model.empty()) filter.set_model(ModelName(model));
  return filter;
}

void AddArgument(CLI::App& command, const std::string& name, std::string& text, const std::string& description) {
  command.add_option(name, text, description)->required()->type_name("");
}

void AddFileOption(CLI::App& command, const std::string& flag, std::string& path, const std::string& description) {
  command.add_option(flag, path, description)->required()->type_name("FILE");
}

void AddNumberOption(CLI::App& command, const std::string& flag, int64_t& number, Bounds bounds, Presence presence,
                     const std::string& description) {
  const auto parse = [bounds](std::string_view text) {
    int64_t value = 0;
    return absl::SimpleAtoi(ToAbsl(text), &value) && value >= bounds.min && value <= bounds.max;
  };
  const std::string wanted = bounds.max == INT64_MAX ? absl::StrCat("of at least ", bounds.min)
                                                     : absl::StrCat("from ", bounds.min, " to ", bounds.max);
  command.add_option(flag, number, description)
      ->required(presence == Presence::kRequired)
      ->type_name("N")
      ->check(Understood(parse, absl::StrCat("a whole number ", wanted)));
}

void AddNumberOption(CLI::App& command, const std::string& flag, int64_t& number, int64_t min, Presence presence,
                     const std::string& description) {
  AddNumberOption(command, flag, number, Bounds{min, INT64_MAX}, presence, description);
}

void AddWordOption(CLI::App& command, const std::string& flag, std::string& word, const std::vector<std::string>& words,
                   Presence presence, const std::string& description) {
  const auto parse = [words](std::string_view text) { return absl::c_linear_search(words, text); };
  command.add_option(flag, word, description)
      ->required(presence == Presence::kRequired)
      ->type_name(absl::StrJoin(words, "|"))
      ->check(Understood(parse, absl::StrJoin(words, " or ")));
}

void AddErasureFilterOptions(CLI::App& command, ErasureFilterOptions& options) {
  command.add_option("--state", options.state, "Only erasures in this state")
      ->type_name("pending|in_progress|completed|denied|failed")
      ->check(Understood(ParseErasureState, "one of pending, in_progress, completed, denied, failed"));
  command.add_flag("--overdue", options.overdue, "Only erasures that should have been done by now");
  command.add_option("--subject", options.subject, "Only erasures of this subject")->type_name("SUBJECT");
  command.add_option("--model", options.model, "Only erasures that concern this model")->type_name("MODEL");
}

void AddRegulationOption(CLI::App& command, std::string& text) {
  command.add_option("--regulation", text, "The law that the request rests on; it decides the due date")
      ->type_name("gdpr|ccpa|other")
      ->check(Understood(ParseRegulation, "one of gdpr, ccpa, other"));
}

void AddDurationOption(CLI::App& command, const std::string& flag, std::string& text, const std::string& description,
                       absl::Duration max) {
  const auto parse = [max](std::string_view text) {
    const auto duration = ParseTimeout(text);
    return duration && *duration <= max;
  };
  const std::string bound =
      max == absl::InfiniteDuration() ? "" : absl::StrCat(" and up to ", absl::FormatDuration(max));
  command.add_option(flag, text, absl::StrCat(description, ": seconds, or \"500ms\", \"2m\""))
      ->type_name("DURATION")
      ->capture_default_str()
      ->check(Understood(parse, absl::StrCat("a duration above 0", bound, ", e.g. 90, 500ms or 2m")));
}

void AddTimeoutOption(CLI::App& command, std::string& text) {
  AddDurationOption(command, "--timeout", text, "How long to wait for one answer");
}

}  // namespace expunge::cli
