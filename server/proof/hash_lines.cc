#include "proof/hash_lines.h"

#include "absl/strings/str_cat.h"

namespace expunge {

std::string FormatHashLines(absl::Span<const Digest> hashes) {
  std::string lines;
  for (const Digest& hash : hashes) absl::StrAppend(&lines, EncodeBase64(AsBytes(hash)), "\n");
  return lines;
}

std::optional<std::vector<Digest>> TakeHashLines(LineReader* lines, size_t max) {
  std::vector<Digest> hashes;
  for (;;) {
    const std::optional<std::string_view> line = lines->Next();
    if (!line) return std::nullopt;
    if (line->empty()) return hashes;
    const std::optional<Digest> hash = DigestFromBase64(*line);
    if (!hash || hashes.size() == max) return std::nullopt;
    hashes.push_back(*hash);
  }
}

}  // namespace expunge
