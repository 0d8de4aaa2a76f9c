#include "proof/log_checkpoint.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

absl::Status Malformed(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "LOG_CHECKPOINT_MALFORMED", message);
}

}  // namespace

std::string FormatLogCheckpoint(const LogCheckpoint& checkpoint) {
  return absl::StrCat(checkpoint.origin, "\n", checkpoint.tree_size, "\n", EncodeBase64(AsBytes(checkpoint.root)),
                      "\n");
}

absl::StatusOr<LogCheckpoint> ParseLogCheckpoint(std::string_view text) {
  LineReader lines(text);
  const std::optional<std::string_view> origin = lines.Next();
  const std::optional<std::string_view> size_line = lines.Next();
  const std::optional<std::string_view> root_line = lines.Next();
  if (!root_line || origin->empty()) return Malformed("a log checkpoint has three lines: origin, size, root");
  const std::optional<uint64_t> size = ParseDecimal(*size_line);
  if (!size) return Malformed("the log checkpoint's size must be a decimal number");
  const std::optional<Digest> root = DigestFromBase64(*root_line);
  if (!root) return Malformed("the log checkpoint's root must be 32 bytes in base64");
  while (!lines.rest().empty()) {
    const std::optional<std::string_view> extension = lines.Next();
    if (!extension || extension->empty()) return Malformed("the log checkpoint's further lines must not be empty");
  }
  return LogCheckpoint{.origin = std::string(*origin), .tree_size = *size, .root = *root};
}

absl::StatusOr<std::string> SignLogCheckpoint(const LogCheckpoint& checkpoint, const SigningKey& key) {
  return SignNote(FormatLogCheckpoint(checkpoint), checkpoint.origin, key);
}

absl::StatusOr<LogCheckpoint> OpenLogCheckpoint(std::string_view note, const VerifierKey& key) {
  ASSIGN_OR_RETURN(const std::string text, OpenNote(note, key));
  ASSIGN_OR_RETURN(LogCheckpoint checkpoint, ParseLogCheckpoint(text));
  if (checkpoint.origin != key.name) {
    return Error(absl::StatusCode::kFailedPrecondition, "LOG_ORIGIN_WRONG",
                 absl::StrCat("the log checkpoint is of ", checkpoint.origin, ", not of ", key.name));
  }
  return checkpoint;
}

}  // namespace expunge
