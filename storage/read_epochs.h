#ifndef EXPUNGE_STORAGE_READ_EPOCHS_H_
#define EXPUNGE_STORAGE_READ_EPOCHS_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace expunge {

// Who reads, so that whoever makes deleted bytes leave the files can wait for those who began before: while they read,
// the old files live. Thread-safe.
class ReadEpochs {
 public:
  class Read {
   public:
    explicit Read(ReadEpochs* epochs) : epochs_(epochs), epoch_(epochs->Begin()) {}
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    ~Read() { epochs_->End(epoch_); }

   private:
    ReadEpochs* const epochs_;
    const int epoch_;
  };

  // One caller at a time.
  void WaitForEarlier() {
    const MutexLock lock(&mutex_);
    const int earlier = current_;
    current_ = 1 - current_;
    while (reading_[earlier] != 0) ended_.Wait(&mutex_);
  }

 private:
  int Begin() {
    const MutexLock lock(&mutex_);
    ++reading_[current_];
    return current_;
  }

  void End(int epoch) {
    const MutexLock lock(&mutex_);
    if (--reading_[epoch] == 0) ended_.SignalAll();
  }

  Mutex mutex_;
  CondVar ended_;
  int current_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t reading_[2] ABSL_GUARDED_BY(mutex_) = {0, 0};
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_READ_EPOCHS_H_
