#ifndef EXPUNGE_UNLEARNING_TRACE_CHECKER_H_
#define EXPUNGE_UNLEARNING_TRACE_CHECKER_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "catalog/catalog.h"
#include "model/ids.h"
#include "storage/keyring.h"

namespace expunge {

// Searches the data directory for what must be gone, before anybody says that it is. Thread-safe; the parts are not
// owned.
//
// Errors: INTERNAL (TRACES_FOUND) names the files, and what kind of trace each holds, never its bytes; those of
// SearchForTraces.
class TraceChecker {
 public:
  TraceChecker(std::string data_dir, const Keyring* keyring, const Catalog* catalog)
      : data_dir_(std::move(data_dir)), keyring_(keyring), catalog_(catalog) {}

  // After Keyring::Purge: the destroyed keys are in no file of the data directory, and nothing of the erased in the
  // keyring.
  absl::Status CheckPurged(absl::Span<const ErasureSequence> erasures, const std::atomic<bool>& stop) const;

  // After Store::Reclaim: nothing of the erased is in any file.
  absl::Status CheckReclaimed(absl::Span<const ErasureSequence> erasures, const std::atomic<bool>& stop) const;

 private:
  struct Search;
  absl::StatusOr<Search> Collect(absl::Span<const ErasureSequence> erasures) const;
  absl::Status Run(const Search& search, const std::string& directory, bool keys_alone,
                   const std::atomic<bool>& stop) const;
  // The pseudonym has a right to be there: the subject was taken in again, or never left every model, or a newer
  // erasure of it is on its way.
  absl::StatusOr<bool> MayBeThere(const Pseudonym& subject, ErasureSequence erasure) const;

  const std::string data_dir_;
  const Keyring* const keyring_;
  const Catalog* const catalog_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_TRACE_CHECKER_H_
