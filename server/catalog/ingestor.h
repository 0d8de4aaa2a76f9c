#ifndef EXPUNGE_CATALOG_INGESTOR_H_
#define EXPUNGE_CATALOG_INGESTOR_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/striped_locks.h"
#include "catalog/model_entry.h"
#include "catalog/rekeyer.h"
#include "sisa/placement.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// A sample to ingest, already validated against the model: label < classes, input of the right size, finite.
struct NewSample {
  std::string_view subject_id;
  std::string_view sample_id;
  uint32_t label = 0;
  ErasureLikelihood likelihood = ErasureLikelihood::kUnspecified;
  std::string_view input;  // source dtype, row-major, little-endian
};

struct IngestCounts {
  uint64_t ingested = 0;
  uint64_t unchanged = 0;    // the same sample was there already
  uint64_t forgotten = 0;    // refused: the subject or the sample was erased and no new consent was stated
  uint64_t conflicting = 0;  // refused: another sample is stored under this id
};

// Takes samples in. Thread-safe; `store`, `keyring` and `subject_locks` (shared with the Unlearner: both change
// subjects' rows) are not owned.
class Ingestor {
 public:
  Ingestor(Store* store, Keyring* keyring, Rekeyer* rekeyer, StripedLocks* subject_locks);

  // One atomic batch; the samples are trained on after the next TrainModel. Survives the end of the process at once,
  // power loss after Commit. With `new_consent`, subjects that were forgotten are taken in again, as new subjects with
  // new keys.
  absl::StatusOr<IngestCounts> Ingest(ModelEntry& model, absl::Span<const NewSample> samples, bool new_consent);

  // Makes every batch so far survive power loss.
  absl::Status Commit();

 private:
  struct Arrival;  // one subject's part of a batch

  // False: the subject was forgotten and may not come back.
  absl::StatusOr<bool> Accept(const ModelEntry& model, bool new_consent, Arrival& arrival);
  absl::Status AddSamples(const ModelEntry& model, Arrival& arrival, IngestCounts& counts) const;
  // The samples of a row that is replaced would stay behind: they go first, durably.
  absl::Status RemoveDeadRows(ModelUid model, absl::Span<const Arrival> arrivals);
  absl::Status Write(ModelEntry& model, std::vector<Arrival> arrivals);

  Store* const store_;
  Keyring* const keyring_;
  Rekeyer* const rekeyer_;
  StripedLocks* const subject_locks_;
};

// The stripe of a subject's row.
size_t SubjectStripe(const Pseudonym& subject);

}  // namespace expunge

#endif  // EXPUNGE_CATALOG_INGESTOR_H_
