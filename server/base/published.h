#ifndef EXPUNGE_BASE_PUBLISHED_H_
#define EXPUNGE_BASE_PUBLISHED_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace expunge {

// The newest version of an immutable value: read often and by many, replaced rarely and as a whole. Thread-safe.
// A Get that begins after a Set has returned gives that value or a later one, with all that happened before the Set.
// Both hold a lock for as long as copying a pointer takes, whatever the value's size. A version lives until the last
// who got it lets go, and dies there, never under the lock: its destructor may do anything.
//
// Not std::atomic<std::shared_ptr>: where libstdc++ 12 loads one, it unlocks with a relaxed store, so that the next
// store races with the load's copying of the pointer.
template <typename Value>
class Published {
 public:
  explicit Published(std::shared_ptr<const Value> value) : value_(std::move(value)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  // Null only if that was set.
  std::shared_ptr<const Value> Get() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return value_;
  }

  void Set(std::shared_ptr<const Value> value) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    value_.swap(value);  // what was before dies with the argument, after the lock
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Value> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_BASE_PUBLISHED_H_
