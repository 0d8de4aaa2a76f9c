#ifndef EXPUNGE_UNLEARNING_TRAINING_LOG_H_
#define EXPUNGE_UNLEARNING_TRAINING_LOG_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "catalog/model_entry.h"
#include "storage/keyring.h"

namespace expunge {

// Tells the log of each TrainModel that was carried out, once. Thread-safe; nothing is owned.
class TrainingLog {
 public:
  TrainingLog(Keyring* keyring, const Clock* clock) : keyring_(keyring), clock_(clock) {}

  // To be called when a shard of a trained model is up to date, `still_true` asked. Carries out `set_trained`, which
  // tells the others, and returns what it returns. When no other shard is left, the log is told first: a model that is
  // READY stands there. Durable. Repeating changes nothing. After an error nothing is set.
  absl::StatusOr<bool> Finish(ModelEntry& model, uint32_t shard, absl::FunctionRef<bool()> still_true,
                              absl::FunctionRef<bool()> set_trained);

 private:
  Keyring* const keyring_;
  const Clock* const clock_;
  absl::Status TellIfLast(ModelEntry& model, uint32_t last, absl::FunctionRef<bool()> still_true);

  Mutex mutex_;  // one at a time looks, writes and sets
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_TRAINING_LOG_H_
