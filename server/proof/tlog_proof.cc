#include "proof/tlog_proof.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "proof/hash_lines.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

absl::Status Malformed(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "TLOG_PROOF_MALFORMED", message);
}

}  // namespace

std::string FormatTlogProof(const TlogProof& proof) {
  std::string text = absl::StrCat(ToAbsl(kHeader), "\n");
  if (!proof.extra.empty()) absl::StrAppend(&text, ToAbsl(kExtra), EncodeBase64(proof.extra), "\n");
  absl::StrAppend(&text, ToAbsl(kIndex), proof.index, "\n", FormatHashLines(proof.hashes), "\n", proof.checkpoint);
  return text;
}

absl::StatusOr<TlogProof> ParseTlogProof(std::string_view text) {
  if (text.size() > kMaxProofBytes) return Malformed("the proof is too long");
  LineReader lines(text);
  if (lines.Next() != kHeader) return Malformed(absl::StrCat("the proof must begin with ", ToAbsl(kHeader)));
  TlogProof proof;
  if (const std::optional<std::string_view> extra = lines.NextAfter(kExtra)) {
    std::optional<std::string> decoded = DecodeBase64(*extra);
    if (!decoded || decoded->empty()) return Malformed("the proof's extra data must be base64");
    proof.extra = *std::move(decoded);
  }
  const std::optional<uint64_t> index = ParseDecimal(lines.NextAfter(kIndex).value_or(""));
  if (!index) return Malformed("the proof's index must be a decimal number");
  proof.index = *index;
  std::optional<std::vector<Digest>> hashes = TakeHashLines(&lines, kMaxProofHashes);
  if (!hashes) return Malformed("the proof's hashes must be at most 63 lines of 32 bytes in base64, and a blank one");
  proof.hashes = *std::move(hashes);
  proof.checkpoint = std::string(lines.rest());
  return proof;
}

}  // namespace expunge
