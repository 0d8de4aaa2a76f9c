#ifndef EXPUNGE_UNLEARNING_TRAINING_LOG_H_
#define EXPUNGE_UNLEARNING_TRAINING_LOG_H_

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "catalog/model_entry.h"
#include "storage/keyring.h"

namespace expunge {

// Tells the log of each TrainModel that was carried out, once. Thread-safe; nothing is owned.
class TrainingLog {
 public:
  TrainingLog(Keyring* keyring, const Clock* clock) : keyring_(keyring), clock_(clock) {}

  // To be called whenever a shard has become up to date: a model is trained when every one is. Durable. Repeating
  // changes nothing.
  absl::Status TellIfTrained(ModelEntry& model);

 private:
  Keyring* const keyring_;
  const Clock* const clock_;
  Mutex mutex_;  // one at a time looks and writes
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_TRAINING_LOG_H_
