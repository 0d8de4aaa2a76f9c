#ifndef EXPUNGE_AUDIT_AUDITOR_H_
#define EXPUNGE_AUDIT_AUDITOR_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "storage/keyring.h"
#include "storage/store.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/purger.h"
#include "unlearning/regulation.h"

namespace expunge {

// Which erasures to list; an unset filter matches all.
struct ErasureFilter {
  std::optional<records::Erasure::State> state;
  std::optional<Regulation> regulation;
  std::string model;                         // resource id: erasures with a task in it
  std::string subject_id;                    // compared by pseudonym
  bool overdue = false;                      // open and past due
  std::optional<absl::Time> received_from;   // inclusive
  std::optional<absl::Time> received_until;  // exclusive
};

struct ErasurePage {
  std::vector<records::Erasure> erasures;  // in the order of arrival
  ErasureSequence next = 0;                // where the next page begins; 0: this was the last
};

// The status of the whole server at one moment; parts may be moments apart.
struct StatusReport {
  std::array<uint64_t, 6> erasures_by_state = {};  // by records::Erasure::State
  uint64_t overdue = 0;
  std::optional<absl::Time> oldest_open_received;
  size_t dirty_shards = 0;     // that have slices to train, in training too
  absl::Status purge_problem;  // Purger::problem
  uint64_t log_size = 0;       // entries of the Merkle log
  struct ModelReport {
    std::shared_ptr<ModelEntry> model;
    std::vector<ShardStatus> shards;
  };
  std::vector<ModelReport> models;
};

// Reads, never writes. Thread-safe; the parts are not owned.
class Auditor {
 public:
  Auditor(const Keyring* keyring, const Catalog* catalog, const ErasureLedger* ledger, const Purger* purger,
          const Clock* clock);

  // Reads every open erasure: O(open erasures).
  absl::StatusOr<StatusReport> Report() const;

  // At most `limit` erasures from sequence `first` on. Looks at no more than 100,000 records a call; a page may
  // therefore be short, even empty, with `next` set.
  absl::StatusOr<ErasurePage> List(const ErasureFilter& filter, ErasureSequence first, size_t limit) const;

 private:
  const Keyring* const keyring_;
  const Catalog* const catalog_;
  const ErasureLedger* const ledger_;
  const Purger* const purger_;
  const Clock* const clock_;
};

}  // namespace expunge

#endif  // EXPUNGE_AUDIT_AUDITOR_H_
