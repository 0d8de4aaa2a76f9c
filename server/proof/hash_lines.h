#ifndef EXPUNGE_PROOF_HASH_LINES_H_
#define EXPUNGE_PROOF_HASH_LINES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/digest.h"
#include "proof/text_codec.h"

namespace expunge {

// Hashes in base64, one a line.
std::string FormatHashLines(absl::Span<const Digest> hashes);

// Takes hashes and the blank line behind them; nothing where there is anything else, or more than `max` hashes.
std::optional<std::vector<Digest>> TakeHashLines(LineReader* lines, size_t max);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_HASH_LINES_H_
