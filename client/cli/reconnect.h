#ifndef EXPUNGE_CLIENT_CLI_RECONNECT_H_
#define EXPUNGE_CLIENT_CLI_RECONNECT_H_

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace expunge::cli {

// When to try again after a connection broke: 0.1 s later, then twice as long each time up to 3 s, until 30 s have gone
// by without hearing from the server. Not thread-safe.
class Reconnect {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(30);
  static constexpr absl::Duration kFirstDelay = absl::Milliseconds(100);
  static constexpr absl::Duration kMaxDelay = absl::Seconds(3);

  void Heard();
  bool broken() const { return broken_.has_value(); }
  // The connection is broken at `now`. Nullopt: give up.
  std::optional<absl::Duration> NextDelay(absl::Time now);

 private:
  std::optional<absl::Time> broken_;  // since when
  absl::Duration delay_ = kFirstDelay;
};

inline constexpr char kLostConnection[] = "lost the server, trying again for up to 30 s";

// Runs `attempt`, again after each UNAVAILABLE as Reconnect has it, so that a server that restarts is not an error.
// `attempt` calls its argument whenever it hears from the server. Gives up at once when the server was never heard,
// unless `heard_before`. `on_break` is called once each time the connection breaks.
absl::Status FollowThroughRestarts(bool heard_before, const std::function<void()>& on_break,
                                   const std::function<absl::Status(const std::function<void()>& heard)>& attempt);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_RECONNECT_H_
