#ifndef EXPUNGE_PROOF_STATEMENT_H_
#define EXPUNGE_PROOF_STATEMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/digest.h"

namespace expunge {

// What an erasure's certificate says: an in-toto Statement v1 (https://in-toto.io/Statement/v1) with a predicate of our
// own. Its bytes are the entry of the log, and the payload of the DSSE envelope that is the certificate.
//
// No text that a caller gave is in it: models are numbers, the person is a commitment.

inline constexpr std::string_view kStatementPayloadType = "application/vnd.in-toto+json";
inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kErasurePredicateType = "https://expunge.dev/erasure/v1";

// SHA-256(nonce || subject_id). Whoever has both can show whose erasure it was; nobody else can guess, since the nonce
// is random.
Digest CommitToSubject(const Digest& nonce, std::string_view subject_id);

// A model's checkpoint after a slice. `sha256` is of its parameters as little-endian float32.
struct CertifiedCheckpoint {
  uint32_t slice = 0;
  Digest sha256{};
  Digest lineage{};
  bool operator==(const CertifiedCheckpoint&) const = default;
};

// What was done in one shard of one model.
struct CertifiedTask {
  uint32_t model = 0;  // the model's number, as "model-17"
  uint32_t shard = 0;
  uint32_t first_slice = 0;  // the first that was trained again
  uint32_t slices = 0;       // of the shard
  uint64_t samples_erased = 0;
  std::vector<CertifiedCheckpoint> retired_checkpoints;  // whose keys were destroyed
  std::vector<CertifiedCheckpoint> new_checkpoints;      // that were trained without the subject
  bool operator==(const CertifiedTask&) const = default;
};

// How the physical erasure was checked.
struct PhysicalErasure {
  std::string method;         // e.g. "keys destroyed, files compacted, data directory searched"
  absl::Time checked_time;    // when the search ended
  uint64_t traces_found = 0;  // none, or there would be no certificate
  bool operator==(const PhysicalErasure&) const = default;
};

// Times are whole microseconds; what is finer is cut off when written.
struct ErasureStatement {
  std::string erasure;     // "erasures/{uuid}", in lower case
  std::string regulation;  // "GDPR", "CCPA" or "OTHER"
  absl::Time received_time;
  std::optional<absl::Time> submitted_time;  // where the caller stated it
  absl::Time due_time;
  absl::Time isolated_time;
  absl::Time shredded_time;
  absl::Time retrained_time;
  absl::Time purged_time;
  absl::Time completed_time;
  Digest subject_commitment{};
  uint64_t samples_erased = 0;  // the sum over the tasks
  bool whole_subject = false;   // all that was held about the subject, not some of its models or samples
  std::vector<CertifiedTask> tasks;
  std::string numeric_environment;  // what a replay needs to come to the same bits
  PhysicalErasure physical_erasure;
  std::string log_origin;
  uint64_t log_index = 0;  // of this statement
  std::string software_version;
  bool operator==(const ErasureStatement&) const = default;
};

// JSON without spaces, always the same bytes for the same statement. The statement's subjects are the new checkpoints,
// as "model-17/shard-3/slice-2" with their SHA-256; in-toto wants at least one, so that an erasure that trained nothing
// anew has itself as the subject, by its name, with the subject commitment as the digest.
// Preconditions: those on the fields; text in UTF-8.
std::string FormatStatement(const ErasureStatement& statement);

// INVALID_ARGUMENT: STATEMENT_MALFORMED; STATEMENT_NOT_CANONICAL, where FormatStatement gives other bytes. So a field
// more is another predicateType.
absl::StatusOr<ErasureStatement> ParseStatement(std::string_view json);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_STATEMENT_H_
