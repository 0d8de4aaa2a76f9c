#ifndef EXPUNGE_RPC_DRAIN_H_
#define EXPUNGE_RPC_DRAIN_H_

#include <atomic>

#include "absl/status/status.h"
#include "base/error.h"
#include "base/notifier.h"

namespace expunge {

// Tells calls that have no end of their own that the server is shutting down. Thread-safe.
class Drain {
 public:
  void Begin() {
    begun_.store(true);
    changes_.Notify();
  }
  bool begun() const { return begun_.load(); }
  Notifier& changes() { return changes_; }

  // What such calls end with.
  static absl::Status Error() {
    return expunge::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server is shutting down");
  }

 private:
  std::atomic<bool> begun_ = false;
  Notifier changes_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_DRAIN_H_
