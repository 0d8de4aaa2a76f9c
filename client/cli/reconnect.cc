#include "client/cli/reconnect.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace expunge::cli {

void Reconnect::Heard() {
  broken_.reset();
  delay_ = kFirstDelay;
}

std::optional<absl::Duration> Reconnect::NextDelay(absl::Time now) {
  if (!broken_) broken_ = now;
  const absl::Duration left = *broken_ + kPatience - now;
  if (left <= absl::ZeroDuration()) return std::nullopt;
  const absl::Duration delay = std::min(delay_, left);
  delay_ = std::min(2 * delay_, kMaxDelay);
  return delay;
}

absl::Status FollowThroughRestarts(bool heard_before, const std::function<void()>& on_break,
                                   const std::function<absl::Status(const std::function<void()>& heard)>& attempt) {
  Reconnect reconnect;
  bool heard = heard_before;
  for (;;) {
    absl::Status status = attempt([&] {
      heard = true;
      reconnect.Heard();
    });
    if (!absl::IsUnavailable(status) || !heard) return status;
    if (!reconnect.broken()) on_break();
    const auto delay = reconnect.NextDelay(absl::Now());
    if (!delay) return status;
    absl::SleepFor(*delay);
  }
}

}  // namespace expunge::cli
