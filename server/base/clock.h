#ifndef EXPUNGE_BASE_CLOCK_H_
#define EXPUNGE_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace expunge {

// The time of day, so that tests can decide it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The system's clock; never destroyed.
const Clock& SystemClock();

// For what lasts: goes forward alone, whatever becomes of the time of day, from an arbitrary point on.
absl::Time SteadyNow();

}  // namespace expunge

#endif  // EXPUNGE_BASE_CLOCK_H_
