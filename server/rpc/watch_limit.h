#ifndef EXPUNGE_RPC_WATCH_LIMIT_H_
#define EXPUNGE_RPC_WATCH_LIMIT_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace expunge {

// Watch streams have no end of their own, and each costs memory and a look at every change: at most so many at a time.
// Thread-safe; outlives what it admitted.
class WatchLimit {
 public:
  explicit WatchLimit(int most) : most_(most) {}

  // Counts one stream for as long as somebody has what it returns, which keeps `what` as well.
  // RESOURCE_EXHAUSTED (TOO_MANY_WATCHES).
  absl::StatusOr<std::shared_ptr<void>> Admit(std::shared_ptr<void> what) {
    if (admitted_.fetch_add(1) >= most_) {
      admitted_.fetch_sub(1);
      return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_WATCHES",
                   absl::StrCat("at most ", most_,
                                " watch streams are served at a time (--max-watches): end one, or ask GetErasure or "
                                "GetModel now and then"));
    }
    return std::shared_ptr<void>(this, [what = std::move(what)](WatchLimit* limit) mutable {
      what.reset();
      limit->admitted_.fetch_sub(1);
    });
  }

 private:
  const int most_;
  std::atomic<int> admitted_ = 0;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_WATCH_LIMIT_H_
