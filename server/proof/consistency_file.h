#ifndef EXPUNGE_PROOF_CONSISTENCY_FILE_H_
#define EXPUNGE_PROOF_CONSISTENCY_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "proof/log_checkpoint.h"

namespace expunge {

// That a log only grew from one size to another, for whoever has a checkpoint of the first. Ours, since no standard has
// a file for it; the lines are those of a tlog-proof:
//
//   expunge consistency proof v1
//   from N
//   to M
//   <the hashes of ConsistencyProof(N, M) in base64, one a line>
//
//   <the signed checkpoint of size M>
struct ConsistencyFile {
  uint64_t from = 0;
  uint64_t to = 0;
  std::vector<Digest> hashes;
  std::string checkpoint;  // a signed note, not opened
  bool operator==(const ConsistencyFile&) const = default;
};

std::string FormatConsistencyFile(const ConsistencyFile& file);

// INVALID_ARGUMENT, CONSISTENCY_PROOF_MALFORMED: not exactly what FormatConsistencyFile gives, or over the limits of a
// tlog-proof; there may be one hash more.
absl::StatusOr<ConsistencyFile> ParseConsistencyFile(std::string_view text);

// The log's newer checkpoint, once it is known that it goes on from `older`. For whoever watches a log.
// Errors: those of ParseConsistencyFile and OpenLogCheckpoint; FAILED_PRECONDITION: PROOF_MISMATCH (the log was
// rewritten), CONSISTENCY_PROOF_SIZES (the proof is between other sizes).
absl::StatusOr<LogCheckpoint> VerifyConsistencyFile(const LogCheckpoint& older, std::string_view text,
                                                    const VerifierKey& key);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_CONSISTENCY_FILE_H_
