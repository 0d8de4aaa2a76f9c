#ifndef EXPUNGE_BASE_STRIPED_LOCKS_H_
#define EXPUNGE_BASE_STRIPED_LOCKS_H_

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace expunge {

// Mutual exclusion by key for any number of keys, in constant memory: a key's hash picks one of the stripes.
// Two keys may share a stripe, so never lock a second set while holding one. Thread-safe.
class StripedLocks {
 public:
  explicit StripedLocks(size_t stripes) : stripes_(stripes), mutexes_(std::make_unique<Mutex[]>(stripes)) {}

  // Holds the stripes of its keys until destroyed. Movable; released on the thread that locked.
  class Held {
   public:
    Held(Held&& other) noexcept : mutexes_(std::exchange(other.mutexes_, {})) {}
    Held& operator=(Held&&) = delete;
    ~Held() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      for (Mutex* mutex : mutexes_) mutex->Unlock();
    }

   private:
    friend class StripedLocks;
    explicit Held(std::vector<Mutex*> mutexes) : mutexes_(std::move(mutexes)) {}
    std::vector<Mutex*> mutexes_;
  };

  // All callers take stripes in one order, so that they cannot wait for one another in a circle.
  Held Lock(std::vector<size_t> hashes) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (size_t& hash : hashes) hash %= stripes_;
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    std::vector<Mutex*> held;
    for (size_t stripe : hashes) {
      mutexes_[stripe].Lock();
      held.push_back(&mutexes_[stripe]);
    }
    return Held(std::move(held));
  }

 private:
  const size_t stripes_;
  const std::unique_ptr<Mutex[]> mutexes_;
};

}  // namespace expunge

#endif  // EXPUNGE_BASE_STRIPED_LOCKS_H_
