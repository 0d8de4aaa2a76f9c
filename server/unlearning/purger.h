#ifndef EXPUNGE_UNLEARNING_PURGER_H_
#define EXPUNGE_UNLEARNING_PURGER_H_

#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
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
// own. An erasure of which something is found, or whose traces cannot be read, is held back and tried again after a
// pause that grows from a second to half a minute, while the others go on. A purge that fails as a whole is repeated
// after such a pause; after an I/O error of the keyring, which latches, only a restart lets it succeed. Thread-safe;
// the parts are not owned.
class Purger {
 public:
  Purger(Keyring* keyring, Rekeyer* rekeyer, const TraceChecker* checker, ErasureLedger* ledger, const Clock* clock);
  ~Purger();  // finishes or breaks off what runs; what waits is found again at the next start

  // Keys of these erasures have been destroyed logically.
  void Notify(const std::vector<ErasureSequence>& sequences);
  // Those of a deleted model have been: to be called before its rows go.
  void NotifyDeletion();

  // Keys of a model that was deleted may still be on disk.
  bool OwesDeletion() const;

  // OK when the newest purge went well and no erasure is held back; else why not. Names no subject.
  absl::Status problem() const;

 private:
  struct Batch {
    std::vector<ErasureSequence> erasures;
    size_t fresh = 0;  // the first ones; the rest was held back
  };
  void Run();
  // Waits for one; nullopt: it is time to stop.
  std::optional<Batch> NextBatch();
  // Seals anew what subjects keep. Takes those out of the batch, and returns them, whose old key lives on.
  absl::StatusOr<TraceChecker::Remaining> FinishRekeys(std::vector<ErasureSequence>& batch);
  absl::StatusOr<TraceChecker::Remaining> Purge(std::vector<ErasureSequence> batch);
  void MarkPurged(const std::vector<ErasureSequence>& batch, TraceChecker::Remaining* remaining);
  void Settle(const Batch& batch, const absl::StatusOr<TraceChecker::Remaining>& remaining)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Also when there are new erasures, however many: they must not put the next attempt off.
  void Pause(absl::Duration duration) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Keyring* const keyring_;
  Rekeyer* const rekeyer_;
  const TraceChecker* const checker_;
  ErasureLedger* const ledger_;
  const Clock* const clock_;
  std::atomic<bool> stopping_ = false;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<ErasureSequence> waiting_ ABSL_GUARDED_BY(mutex_);
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  bool deletion_owed_ ABSL_GUARDED_BY(mutex_);             // no purge has begun since
  bool deletion_running_ ABSL_GUARDED_BY(mutex_) = false;  // the one that serves it runs
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);           // of the newest purge as a whole
  absl::Duration pause_ ABSL_GUARDED_BY(mutex_);           // after its next failure
  TraceChecker::Remaining held_ ABSL_GUARDED_BY(mutex_);
  absl::Time retry_time_ ABSL_GUARDED_BY(mutex_);       // of those held back
  absl::Duration retry_pause_ ABSL_GUARDED_BY(mutex_);  // after their next failure
  ErasureSequence retry_from_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_PURGER_H_
