#ifndef EXPUNGE_UNLEARNING_RETRAIN_POOL_H_
#define EXPUNGE_UNLEARNING_RETRAIN_POOL_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/reconciler.h"
#include "unlearning/retrain_queue.h"

namespace expunge {

// Workers that reconcile dirty shards, below Predict in priority, one shard on one worker, oldest deadline first. An
// attempt that fails or throws is repeated after 1 s, 2 s, ... 60 s, and after `max_attempts` no more: the shard's
// erasures are FAILED, what is clean of it goes on voting, and the next Notify begins anew. Thread-safe; the parts are
// not owned.
class RetrainPool {
 public:
  struct Options {
    int workers = 1;
    // Waits this long after the first erasure in a shard before retraining it, so that erasures that come together
    // share one retrain. Isolation does not wait.
    absl::Duration retrain_delay = absl::ZeroDuration();
    int max_attempts = 8;
  };
  RetrainPool(const Options& options, Catalog* catalog, Reconciler* reconciler, ErasureLedger* ledger,
              const Clock* clock);

  // Stops and joins.
  ~RetrainPool();

  // Workers stop at their next batch, and what is notified waits. What was not finished is found again at the next
  // start.
  void Stop();

  // The shard is dirty. `deadline`: when the oldest erasure in it is due; InfiniteFuture for plain training, which
  // starts at once.
  void Notify(ShardId shard, absl::Time deadline);

  // Drops what waits for a model that is being deleted.
  void Drop(ModelUid model);

  uint64_t failed_attempts() const { return failed_attempts_.load(std::memory_order_relaxed); }  // since the start

 private:
  void Run();
  std::optional<RetrainQueue::Work> WaitForWork();  // nullopt: stopping
  // When to try again; InfiniteFuture: no more. Counts failures in `work`.
  absl::Time Attempt(RetrainQueue::Work& work);
  absl::Time Failed(ModelEntry& model, RetrainQueue::Work& work, const absl::Status& status);
  absl::Status MarkFailed(ShardId shard, const absl::Status& status);

  const Options options_;
  Catalog* const catalog_;
  Reconciler* const reconciler_;
  ErasureLedger* const ledger_;
  const Clock* const clock_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> failed_attempts_ = 0;
  mutable Mutex mutex_;
  CondVar changed_;
  RetrainQueue queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> workers_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_RETRAIN_POOL_H_
