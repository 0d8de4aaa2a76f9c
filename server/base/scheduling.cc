#include "base/scheduling.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace expunge {
namespace {

// Between two pauses, and how long one takes; the kernel rounds that up, to less than 0.1 ms.
constexpr std::chrono::milliseconds kStretch{1};
constexpr std::chrono::nanoseconds kPause{1};

thread_local bool in_background = false;
thread_local std::chrono::steady_clock::time_point last_pause;

void SetScheduling(uint32_t policy, int32_t nice) {
  // struct sched_attr of the kernel, which the C library does not declare.
  struct {
    uint32_t size = sizeof(*this);
    uint32_t policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    // ns. Kernels from 6.12 on take it for how long a turn lasts: whoever wakes up waits for the end of one, and 3 ms,
    // which are usual, would be felt.
    uint64_t runtime = 100'000;
    uint64_t deadline = 0;
    uint64_t period = 0;
  } attributes = {.policy = policy, .nice = nice};
  syscall(SYS_sched_setattr, 0, &attributes, 0);
  in_background = true;
}

}  // namespace

void LowerThisThreadsPriority() { SetScheduling(SCHED_BATCH, 19); }

void ComputeWhenNobodyElseDoes() { SetScheduling(SCHED_IDLE, 19); }

void PauseInBackground() {
  if (!in_background) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_pause < kStretch) return;
  std::this_thread::sleep_for(kPause);  // the pause itself; it waits for nothing that might not be ready yet
  last_pause = std::chrono::steady_clock::now();
}

}  // namespace expunge
