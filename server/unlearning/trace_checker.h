#ifndef EXPUNGE_UNLEARNING_TRACE_CHECKER_H_
#define EXPUNGE_UNLEARNING_TRACE_CHECKER_H_

#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "catalog/catalog.h"
#include "model/ids.h"
#include "storage/keyring.h"

namespace expunge {

// Searches the data directory for what must be gone, before anybody says that it is. Thread-safe; the parts are not
// owned.
//
// Errors: INTERNAL (TRACES_FOUND) names a file, and what kind of trace it holds, never its bytes; FAILED_PRECONDITION
// (SEARCH_INCOMPLETE): a symbolic link, other than `store` and `keyring`; those of SearchForTraces.
class TraceChecker {
 public:
  TraceChecker(std::string data_dir, const Keyring* keyring, const Catalog* catalog)
      : data_dir_(std::move(data_dir)), keyring_(keyring), catalog_(catalog) {}

  // Erasures of which something is there still, or whose traces cannot be read, each with why.
  using Remaining = std::map<ErasureSequence, absl::Status>;

  // After Keyring::Purge: the destroyed keys are in no file of the data directory, and nothing of the erased in the
  // keyring, but for those that are returned.
  absl::StatusOr<Remaining> CheckPurged(absl::Span<const ErasureSequence> erasures,
                                        const std::atomic<bool>& stop) const;

  // After Store::Reclaim: nothing of the erased is in any file, but for those that are returned.
  absl::StatusOr<Remaining> CheckReclaimed(absl::Span<const ErasureSequence> erasures,
                                           const std::atomic<bool>& stop) const;

 private:
  struct Search;
  struct Place {
    std::string directory;  // below the data directory
    bool keys_alone = false;
  };
  absl::StatusOr<Remaining> Check(absl::Span<const ErasureSequence> erasures, const std::vector<Place>& places,
                                  const std::atomic<bool>& stop) const;
  absl::Status Collect(ErasureSequence erasure, Search* search) const;
  // The pseudonym has a right to be there: the subject was taken in again, or never left every model, or a newer
  // erasure of it is on its way.
  absl::Status AllowPseudonyms(Search* search) const;
  absl::Status Run(const std::string& directory, bool keys_alone, const std::atomic<bool>& stop, Search* search,
                   Remaining* remaining) const;

  const std::string data_dir_;
  const Keyring* const keyring_;
  const Catalog* const catalog_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_TRACE_CHECKER_H_
