#ifndef EXPUNGE_PROOF_TLOG_PROOF_H_
#define EXPUNGE_PROOF_TLOG_PROOF_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/digest.h"

namespace expunge {

// That a log holds an entry, for whoever has the entry and the log's key: https://c2sp.org/tlog-proof.
struct TlogProof {
  std::string extra;  // nobody signed it; empty: none
  uint64_t index = 0;
  std::vector<Digest> hashes;  // as InclusionProof gives them
  std::string checkpoint;      // a signed note, not opened
  bool operator==(const TlogProof&) const = default;
};

inline constexpr size_t kMaxProofHashes = 63;  // of a tree of 2^63 leaves
inline constexpr size_t kMaxProofBytes = 2'000'000;

std::string FormatTlogProof(const TlogProof& proof);

// INVALID_ARGUMENT, TLOG_PROOF_MALFORMED: not exactly what FormatTlogProof gives, or over the limits. What the
// checkpoint says is for OpenLogCheckpoint.
absl::StatusOr<TlogProof> ParseTlogProof(std::string_view text);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_TLOG_PROOF_H_
