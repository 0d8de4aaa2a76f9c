#ifndef EXPUNGE_CATALOG_REKEYER_H_
#define EXPUNGE_CATALOG_REKEYER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/striped_locks.h"
#include "catalog/catalog.h"
#include "model/ids.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// Finishes erasures of some of a subject's samples: seals what the subject keeps with its new key, and lets the old key
// die (see Rekey). Whoever meets one that is not finished does it: the purger, which always comes by; the worker that
// reads the shard; an ingest or an erasure of the same subject. Until then the subject's row belongs to no key, so that
// nobody trains on it. Thread-safe; the parts are not owned.
class Rekeyer {
 public:
  // `subject_locks` is the one of the Ingestor and the Unlearner.
  Rekeyer(Store* store, Keyring* keyring, const Catalog* catalog, StripedLocks* subject_locks)
      : store_(store), keyring_(keyring), catalog_(catalog), subject_locks_(subject_locks) {}

  // The subject's, whose lock the caller holds. True: there was one; it is durable when this returns. A sample that the
  // subject keeps and that cannot be read any more is given up. In memory: a few MiB, whatever the subject keeps.
  absl::StatusOr<bool> Finish(ModelUid model, const Pseudonym& subject);

  // Those of a shard, under their subjects' locks. True: there was one. Goes on after an error and returns the first.
  absl::StatusOr<bool> FinishIn(ShardId shard);
  // All of them. Goes on after an error and returns the first.
  absl::Status FinishAll();

 private:
  absl::Status SealAnew(const Rekey& rekey);
  absl::StatusOr<bool> FinishLocked(const RekeyPlace& place);

  Store* const store_;
  Keyring* const keyring_;
  const Catalog* const catalog_;
  StripedLocks* const subject_locks_;
};

}  // namespace expunge

#endif  // EXPUNGE_CATALOG_REKEYER_H_
