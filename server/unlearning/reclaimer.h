#ifndef EXPUNGE_UNLEARNING_RECLAIMER_H_
#define EXPUNGE_UNLEARNING_RECLAIMER_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
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
  Reclaimer(const Options& options, Store* store, Keyring* keyring, const TraceChecker* checker, ErasureLedger* ledger,
            const Clock* clock);
  ~Reclaimer();  // stops

  // Breaks off what runs, soon; nothing is begun any more.
  void Stop();

  // At once and as fast as the disk allows, on the calling thread. Returns the number of erasures that it served: all
  // that are purged. CANCELLED after Stop.
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
  absl::StatusOr<std::optional<records::Erasure>> OldestWithTraces() const;
  // Erasures that are purged and have traces; deleted models.
  struct Waste;
  absl::StatusOr<Waste> FindWaste();

  const Options options_;
  Store* const store_;
  Keyring* const keyring_;
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
