#ifndef EXPUNGE_TESTING_CONTROLLED_TRAINER_H_
#define EXPUNGE_TESTING_CONTROLLED_TRAINER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "model/trainer.h"

namespace expunge {

// Wraps a trainer: counts its trainings, holds them back, lets them fail. Thread-safe.
class ControlledTrainer : public Trainer {
 public:
  enum class Hold {
    kNone,
    kObedient,  // asks `stop` while it waits, as a training does before each batch
    kDeaf,      // asks no more, as a training after its last batch
  };

  explicit ControlledTrainer(const Trainer* trainer) : trainer_(trainer) {}

  // Trainings of one slice that were begun, whatever became of them.
  int trainings() const {
    MutexLock lock(&mutex_);
    return trainings_;
  }

  // Those that wait go on. From now on a training waits, all its batches done, until the next SetHold; the first
  // `let_through` of them do not.
  void SetHold(Hold hold, int let_through = 0) {
    MutexLock lock(&mutex_);
    hold_ = hold;
    let_through_ = let_through;
    arrivals_ = 0;
    ++holds_;
    changed_.SignalAll();
  }
  // Until so many trainings have come to wait since SetHold.
  void WaitUntilHeld(int arrivals = 1) {
    MutexLock lock(&mutex_);
    while (arrivals_ < arrivals) changed_.Wait(&mutex_);
  }

  // From now on each training fails with this, unless it is OK.
  void FailWith(absl::Status failure) {
    MutexLock lock(&mutex_);
    failure_ = std::move(failure);
  }

  std::string NumericEnvironment() const override { return trainer_->NumericEnvironment(); }

  absl::StatusOr<TrainingState> Initialize(const ModelSpec& spec, const Digest& seed) const override {
    return trainer_->Initialize(spec, seed);
  }

  absl::Status Train(const ModelSpec& spec, const SampleBlock& block, absl::Span<const std::vector<uint32_t>> epochs,
                     const std::function<bool()>& stop, TrainingState* state) const override {
    {
      MutexLock lock(&mutex_);
      ++trainings_;
      if (!failure_.ok()) return failure_;
    }
    if (absl::Status trained = trainer_->Train(spec, block, epochs, stop, state); !trained.ok()) return trained;
    return WaitWhileHeld(stop);
  }

  absl::StatusOr<std::shared_ptr<const Network>> BuildNetwork(const ModelSpec& spec,
                                                              absl::Span<const float> parameters) const override {
    return trainer_->BuildNetwork(spec, parameters);
  }

 private:
  absl::Status WaitWhileHeld(const std::function<bool()>& stop) const {
    Hold hold;
    int since;
    {
      MutexLock lock(&mutex_);
      if (hold_ == Hold::kNone || let_through_-- > 0) return absl::OkStatus();
      hold = hold_;
      since = holds_;
      ++arrivals_;
      changed_.SignalAll();
    }
    while (true) {
      if (hold == Hold::kObedient && stop()) return absl::CancelledError("stopped");
      MutexLock lock(&mutex_);
      if (holds_ != since) return absl::OkStatus();
      changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(2));  // `stop` tells nobody when its answer changes
    }
  }

  const Trainer* const trainer_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  mutable int trainings_ ABSL_GUARDED_BY(mutex_) = 0;
  Hold hold_ ABSL_GUARDED_BY(mutex_) = Hold::kNone;
  int holds_ ABSL_GUARDED_BY(mutex_) = 0;  // calls of SetHold
  mutable int let_through_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable int arrivals_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_CONTROLLED_TRAINER_H_
