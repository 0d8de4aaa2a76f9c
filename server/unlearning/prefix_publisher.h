#ifndef EXPUNGE_UNLEARNING_PREFIX_PUBLISHER_H_
#define EXPUNGE_UNLEARNING_PREFIX_PUBLISHER_H_

#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "catalog/catalog.h"
#include "model/ids.h"
#include "unlearning/reconciler.h"

namespace expunge {

// Lets what erasures leave of a shard vote again as soon as it can, before a worker looks at the shard as a whole: with
// many erasures a second no shard would vote for long otherwise. A thread of its own, not below Predict in priority:
// where nothing votes, Predict fails. Thread-safe; the parts are not owned.
class PrefixPublisher {
 public:
  PrefixPublisher(Catalog* catalog, Reconciler* reconciler);
  ~PrefixPublisher();  // what waits is left to the workers

  // A constituent of this shard may have been withdrawn. What fails is logged, and left to the workers.
  void Notify(ShardId shard);

 private:
  void Run();

  Catalog* const catalog_;
  Reconciler* const reconciler_;
  Mutex mutex_;
  CondVar changed_;
  std::set<ShardId> waiting_ ABSL_GUARDED_BY(mutex_);  // taken in turns: one that always waits keeps none waiting
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_PREFIX_PUBLISHER_H_
