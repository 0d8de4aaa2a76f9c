#ifndef EXPUNGE_UNLEARNING_PURGER_H_
#define EXPUNGE_UNLEARNING_PURGER_H_

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "model/ids.h"
#include "storage/keyring.h"
#include "unlearning/erasure_ledger.h"

namespace expunge {

// Makes destroyed keys physically gone, in batches: one purge of the keyring serves every erasure that waits for one.
// One thread of its own. A purge that fails is repeated after a second; after an I/O error of the keyring, which
// latches, only a restart lets it succeed. Thread-safe; the parts are not owned.
class Purger {
 public:
  Purger(Keyring* keyring, ErasureLedger* ledger, const Clock* clock);
  ~Purger();  // finishes the running purge; what waits is found again at the next start

  // Keys have been destroyed logically: those of these erasures, or, with none, a deleted model's.
  void Notify(const std::vector<ErasureSequence>& sequences);

 private:
  void Run();

  Keyring* const keyring_;
  ErasureLedger* const ledger_;
  const Clock* const clock_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<ErasureSequence> waiting_ ABSL_GUARDED_BY(mutex_);
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_PURGER_H_
