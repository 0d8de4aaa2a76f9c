#ifndef EXPUNGE_BASE_NOTIFIER_H_
#define EXPUNGE_BASE_NOTIFIER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace expunge {

// Tells listeners that something changed; what changed they read themselves. Thread-safe.
// A callback runs on the notifying thread: it must be quick and must not call back into the notifier, nor end a
// subscription. The notifier outlives its subscriptions.
class Notifier {
 public:
  // Ends the subscription when destroyed; when the destructor has returned, the callback does not run any more.
  class Subscription {
   public:
    Subscription(Notifier* notifier, uint64_t id) : notifier_(notifier), id_(id) {}
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { notifier_->Remove(id_); }

   private:
    Notifier* const notifier_;
    const uint64_t id_;
  };

  std::unique_ptr<Subscription> Subscribe(std::function<void()> callback) {
    MutexLock lock(&mutex_);
    callbacks_[++last_id_] = std::move(callback);
    return std::make_unique<Subscription>(this, last_id_);
  }

  void Notify() {
    MutexLock lock(&mutex_);
    for (const auto& [id, callback] : callbacks_) callback();
  }

 private:
  void Remove(uint64_t id) {
    decltype(callbacks_)::node_type removed;  // what the callback holds is destroyed without the lock
    MutexLock lock(&mutex_);
    removed = callbacks_.extract(id);
  }

  Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::function<void()>> callbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace expunge

#endif  // EXPUNGE_BASE_NOTIFIER_H_
