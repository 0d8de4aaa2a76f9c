#include "proof/consistency_file.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "proof/hash_lines.h"
#include "proof/merkle.h"
#include "proof/text_codec.h"
#include "proof/tlog_proof.h"

namespace expunge {
namespace {

constexpr std::string_view kHeader = "expunge consistency proof v1";
constexpr std::string_view kFrom = "from ";
constexpr std::string_view kTo = "to ";
constexpr size_t kMaxHashes = kMaxProofHashes + 1;  // the last subtree of the older log, and its path

absl::Status Malformed(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "CONSISTENCY_PROOF_MALFORMED", message);
}

}  // namespace

std::string FormatConsistencyFile(const ConsistencyFile& file) {
  return absl::StrCat(ToAbsl(kHeader), "\n", ToAbsl(kFrom), file.from, "\n", ToAbsl(kTo), file.to, "\n",
                      FormatHashLines(file.hashes), "\n", file.checkpoint);
}

absl::StatusOr<ConsistencyFile> ParseConsistencyFile(std::string_view text) {
  if (text.size() > kMaxProofBytes) return Malformed("the consistency proof is too long");
  LineReader lines(text);
  if (lines.Next() != kHeader) {
    return Malformed(absl::StrCat("the consistency proof must begin with ", ToAbsl(kHeader)));
  }
  const std::optional<uint64_t> from = ParseDecimal(lines.NextAfter(kFrom).value_or(""));
  const std::optional<uint64_t> to = ParseDecimal(lines.NextAfter(kTo).value_or(""));
  if (!from || !to) return Malformed("the consistency proof's sizes must be decimal numbers");
  std::optional<std::vector<Digest>> hashes = TakeHashLines(&lines, kMaxHashes);
  if (!hashes) return Malformed("the consistency proof's hashes must be lines of 32 bytes in base64, and a blank one");
  return ConsistencyFile{
      .from = *from, .to = *to, .hashes = *std::move(hashes), .checkpoint = std::string(lines.rest())};
}

absl::StatusOr<LogCheckpoint> VerifyConsistencyFile(const LogCheckpoint& older, std::string_view text,
                                                    const VerifierKey& key) {
  ASSIGN_OR_RETURN(const ConsistencyFile file, ParseConsistencyFile(text));
  ASSIGN_OR_RETURN(LogCheckpoint newer, OpenLogCheckpoint(file.checkpoint, key));
  if (file.from != older.tree_size || file.to != newer.tree_size) {
    return Error(absl::StatusCode::kFailedPrecondition, "CONSISTENCY_PROOF_SIZES",
                 absl::StrCat("the consistency proof is from ", file.from, " to ", file.to, ", the checkpoints are of ",
                              older.tree_size, " and ", newer.tree_size));
  }
  RETURN_IF_ERROR(VerifyConsistency(older.tree_size, newer.tree_size, older.root, newer.root, file.hashes));
  return newer;
}

}  // namespace expunge
