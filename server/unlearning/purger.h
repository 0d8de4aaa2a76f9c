#ifndef EXPUNGE_UNLEARNING_PURGER_H_
#define EXPUNGE_UNLEARNING_PURGER_H_

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "catalog/rekeyer.h"
#include "model/ids.h"
#include "storage/keyring.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/trace_checker.h"

namespace expunge {

// Makes destroyed keys physically gone, and searches for them before it says so. In batches: one purge of the keyring
// and one search serve every erasure that waits for one, and both take at most a quarter of the time. One thread of its
// own. A purge that fails is repeated after a second; after an I/O error of
// the keyring, which latches, only a restart lets it succeed. Thread-safe; the parts are not owned.
class Purger {
 public:
  Purger(Keyring* keyring, Rekeyer* rekeyer, const TraceChecker* checker, ErasureLedger* ledger, const Clock* clock);
  ~Purger();  // finishes or breaks off what runs; what waits is found again at the next start

  // Keys have been destroyed logically: those of these erasures, or, with none, a deleted model's.
  void Notify(const std::vector<ErasureSequence>& sequences);

 private:
  void Run();
  // Seals anew what subjects keep. Takes those out of the batch, and returns them, whose old key lives on.
  absl::StatusOr<std::vector<ErasureSequence>> FinishRekeys(std::vector<ErasureSequence>& batch);
  absl::Status Purge(const std::vector<ErasureSequence>& batch);
  // Also when there are new erasures, however many: they must not put the next attempt off.
  void Pause(absl::Duration duration) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Keyring* const keyring_;
  Rekeyer* const rekeyer_;
  const TraceChecker* const checker_;
  ErasureLedger* const ledger_;
  const Clock* const clock_;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  CondVar changed_;
  std::deque<ErasureSequence> waiting_ ABSL_GUARDED_BY(mutex_);
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_PURGER_H_
