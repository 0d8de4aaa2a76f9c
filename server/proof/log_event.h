#ifndef EXPUNGE_PROOF_LOG_EVENT_H_
#define EXPUNGE_PROOF_LOG_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/digest.h"

namespace expunge {

// The entries of the log that are not certificates: a JSON object each, whose member "event" says which. As in a
// statement, times are whole microseconds, models are numbers, and no text of a caller's is in it.

struct ErasureReceived {
  std::string erasure;     // "erasures/{uuid}", in lower case
  std::string regulation;  // "GDPR", "CCPA" or "OTHER"
  absl::Time received_time;
  absl::Time due_time;
  Digest subject_commitment{};  // CommitToSubject
  bool operator==(const ErasureReceived&) const = default;
};

struct ErasureFailed {
  std::string erasure;
  absl::Time time;
  std::string reason;  // of the error, in UPPER_SNAKE_CASE
  bool operator==(const ErasureFailed&) const = default;
};

struct ErasureResumed {
  std::string erasure;
  absl::Time time;
  bool operator==(const ErasureResumed&) const = default;
};

// A training that a caller asked for was brought to its end.
struct ModelTrained {
  // The constituent's newest checkpoint: `sha256` of its parameters.
  struct Shard {
    uint32_t shard = 0;
    Digest lineage{};
    Digest sha256{};
    bool operator==(const Shard&) const = default;
  };
  uint32_t model = 0;
  absl::Time time;
  std::optional<uint64_t> ensemble_version;
  std::vector<Shard> shards;
  bool operator==(const ModelTrained&) const = default;
};

struct RestoredFromBackup {
  absl::Time time;
  bool operator==(const RestoredFromBackup&) const = default;
};

// The operator went on although the log is shorter than one that was signed.
struct LogRollbackAccepted {
  absl::Time time;
  uint64_t lost_size = 0;  // of the signed log checkpoint that does not hold any more; 0: it was missing
  Digest lost_root{};
  bool operator==(const LogRollbackAccepted&) const = default;
};

struct Replayed {
  uint32_t model = 0;
  uint32_t shard = 0;
  absl::Time time;
  bool match = false;  // the verdict: "MATCH" or "MISMATCH"
  Digest served_digest{};
  Digest replayed_digest{};
  Digest lineage{};
  bool operator==(const Replayed&) const = default;
};

using LogEvent = std::variant<ErasureReceived, ErasureFailed, ErasureResumed, ModelTrained, RestoredFromBackup,
                              LogRollbackAccepted, Replayed>;

// JSON without spaces, always the same bytes for the same event. Preconditions: those on the fields.
std::string FormatLogEvent(const LogEvent& event);

// INVALID_ARGUMENT: LOG_EVENT_MALFORMED; LOG_EVENT_NOT_CANONICAL, where FormatLogEvent gives other bytes.
absl::StatusOr<LogEvent> ParseLogEvent(std::string_view json);

// An entry of the log, an event or a statement, in one line for a person. It has no control characters.
// Errors: those of ParseLogEvent.
absl::StatusOr<std::string> DescribeLeaf(std::string_view leaf);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_LOG_EVENT_H_
