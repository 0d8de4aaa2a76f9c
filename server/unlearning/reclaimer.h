#ifndef EXPUNGE_UNLEARNING_RECLAIMER_H_
#define EXPUNGE_UNLEARNING_RECLAIMER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "storage/keyring.h"
#include "storage/store.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/trace_checker.h"

namespace expunge {

// Takes the ciphertext that no key opens any more out of the main store's files, late and in batches, and searches for
// it before it says so. One thread of its own. Thread-safe; the parts are not owned.
class Reclaimer {
 public:
  struct Options {
    // From Forget to the last byte gone. Work begins when three quarters of it have passed.
    absl::Duration delete_persistence_threshold = absl::Hours(24);
    uint64_t bytes_per_second = uint64_t{32} << 20;  // that a reclaim by itself writes at most
  };
  Reclaimer(const Options& options, Store* store, Keyring* keyring, const Catalog* catalog, const TraceChecker* checker,
            ErasureLedger* ledger, const Clock* clock);
  ~Reclaimer();  // stops

  // Breaks off what runs, soon; nothing is begun any more.
  void Stop();

  // At once and as fast as the disk allows, on the calling thread. Returns the number of erasures that it served: all
  // that are purged. After a restore everything is rewritten. CANCELLED after Stop; UNAVAILABLE (SHARD_NOT_RECONCILED);
  // those of TraceChecker, the first of an erasure that is held back: the others are reclaimed all the same.
  absl::StatusOr<uint64_t> ReclaimNow();

  // From now on, by itself: once everything is recovered.
  void Start();

  const Options& options() const { return options_; }
  // Erasures since the start whose last byte was gone later than the threshold.
  uint64_t late() const { return late_.load(std::memory_order_relaxed); }
  // When the oldest erasure arrived that is not reclaimed; nullopt: there is none. Reads two records.
  absl::StatusOr<std::optional<absl::Time>> OldestWaiting() const;

 private:
  void Run();
  absl::StatusOr<absl::Time> NextTime();  // InfiniteFuture: nothing waits
  absl::StatusOr<uint64_t> Reclaim(uint64_t bytes_per_second);
  // Erasures that are purged and have traces, ascending, until `visit` returns false.
  absl::Status ScanPurged(const std::function<bool(const records::Erasure&)>& visit) const;
  // Deleted models that are not reclaimed.
  absl::StatusOr<std::vector<Keyring::DeadModel>> DeadModels() const;
  // No shard has rows of which no key opens; UNAVAILABLE (SHARD_NOT_RECONCILED).
  absl::Status CheckReconciled() const;
  absl::StatusOr<bool> IsDead(ShardId shard, const Pseudonym& subject) const;
  // Those erasures; deleted models; everything, after a restore.
  struct Waste;
  absl::StatusOr<Waste> FindWaste();
  absl::Status Rewrite(const Waste& waste, uint64_t bytes_per_second);
  // Marks those of which nothing is left in any file; returns the others.
  absl::StatusOr<TraceChecker::Remaining> MarkReclaimed(const Waste& waste);

  const Options options_;
  Store* const store_;
  Keyring* const keyring_;
  const Catalog* const catalog_;
  const TraceChecker* const checker_;
  ErasureLedger* const ledger_;
  const Clock* const clock_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> late_ = 0;
  Mutex reclaim_mutex_;  // one at a time
  Mutex mutex_;
  CondVar changed_;
  std::thread thread_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_RECLAIMER_H_
