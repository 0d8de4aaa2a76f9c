#include "client/cli/proof_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "client/small_file.h"
#include "proof/signed_note.h"
#include "proof/text_codec.h"

namespace expunge::cli {
namespace {

constexpr size_t kMaxKeyBytes = 4096;

// What comes along when a key is copied.
std::string Trimmed(const std::string& text) { return std::string(absl::StripAsciiWhitespace(text)); }

// Empty: none.
std::string ProblemOf(const std::string& key) {
  const auto parsed = ParseVerifierKey(key);
  if (parsed.ok()) return "";
  return absl::StrCat(parsed.status().message(), "; expunge log key prints it");
}

}  // namespace

absl::StatusOr<std::optional<std::string>> KeyOptions::Text() const {
  if (!key.empty()) return std::optional<std::string>(Trimmed(key));
  if (key_file.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string content, ReadSmallFile(key_file, kMaxKeyBytes));
  return std::optional<std::string>(Trimmed(content));
}

void AddKeyOptions(CLI::App& command, KeyOptions& options, const std::string& description) {
  CLI::Option* key = command.add_option("--key", options.key, description);
  CLI::Option* file = command.add_option("--key-file", options.key_file, "The same, from a file");
  key->type_name("VKEY")->excludes(file)->check(
      CLI::Validator([](std::string& text) { return ProblemOf(Trimmed(text)); }, ""));
  file->type_name("FILE")->excludes(key);
}

void RequireKey(const KeyOptions& options) {
  if (options.key.empty() && options.key_file.empty()) throw CLI::RequiredError("--key or --key-file");
}

std::optional<Digest> ParseNonce(std::string_view text) {
  const std::optional<Digest> nonce = DigestFromHex(absl::AsciiStrToLower(ToAbsl(text)));
  return nonce ? nonce : DigestFromBase64(text);
}

absl::StatusOr<LogCheckpoint> PeekAtLogCheckpoint(std::string_view note) {
  const size_t end = note.find("\n\n");  // the signatures follow
  return ParseLogCheckpoint(note.substr(0, end == std::string_view::npos ? note.size() : end + 1));
}

}  // namespace expunge::cli
