#ifndef EXPUNGE_CLIENT_CLI_PROGRESS_H_
#define EXPUNGE_CLIENT_CLI_PROGRESS_H_

#include <ostream>
#include <string>
#include <string_view>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/terminal.h"

namespace expunge::cli {

// Shows how far a long command has come: on a terminal one line, rewritten in place at most ten times a second;
// elsewhere a line when another tenth is done, at most one a second; nothing when quiet. Not thread-safe. `out` must
// outlive it.
class Progress {
 public:
  Progress(std::ostream& out, const Terminal& terminal, bool quiet, std::string_view label);
  ~Progress();  // leaves the cursor on a fresh line

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `fraction` from 0 to 1; `detail` is what to say beside the bar. The 1 is always shown.
  void Update(double fraction, std::string_view detail);

 private:
  std::ostream& out_;
  const Terminal terminal_;
  const bool quiet_;
  const std::string label_;
  absl::Time drawn_;
  std::string last_line_;
  int last_tenth_ = 0;
  bool line_open_ = false;
};

// Time since its making, and what was done in it on average. Thread-safe.
class RateMeter {
 public:
  explicit RateMeter(absl::Time start = absl::Now()) : start_(start) {}

  double PerSecond(int64_t done, absl::Time now = absl::Now()) const;
  absl::Duration Elapsed(absl::Time now = absl::Now()) const { return now - start_; }

 private:
  const absl::Time start_;
};

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_PROGRESS_H_
