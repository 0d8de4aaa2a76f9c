#ifndef EXPUNGE_BASE_CRASH_POINT_H_
#define EXPUNGE_BASE_CRASH_POINT_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>

namespace expunge {

// Every place at which tests end the process: between two steps whose order a crash must respect. A name says what was
// just done.
// clang-format off
inline constexpr auto kCrashPoints = std::to_array<std::string_view>({
    "forget_begun", "forget_recorded", "forget_rows_removed", "forget_withdrawn", "forget_announced",
    "rekey_recorded", "rekey_rows_written",
    "commit_key_created", "commit_written",
    "publish_built", "publish_swapped",
    "retrained_marked",
    "purge_flushed", "purge_compacted", "purge_files_gone", "purge_searched", "purge_marked",
    "reclaim_compacted", "reclaim_searched", "reclaim_marked",
    "ingest_keys_created", "ingest_written",
    "train_recorded",
    "log_signing", "log_signed",
});
// clang-format on

void ThisIsNotInCrashPoints();  // not defined: what a compiler names when it refuses a name

// One of kCrashPoints; any other name does not compile.
class CrashPointName {
 public:
  consteval CrashPointName(const char* name) : name_(name) {
    if (std::find(kCrashPoints.begin(), kCrashPoints.end(), name_) == kCrashPoints.end()) ThisIsNotInCrashPoints();
  }
  constexpr std::string_view str() const { return name_; }

 private:
  std::string_view name_;
};

using CrashHook = void (*)(std::string_view point);

// Null, and in production nobody sets it. To be set before threads are started.
inline constinit std::atomic<CrashHook> crash_hook = nullptr;

// Says that the process is at this point. Locks may be held. Costs one relaxed load.
inline void CrashPoint(CrashPointName point) {
  if (const CrashHook hook = crash_hook.load(std::memory_order_relaxed)) hook(point.str());
}

}  // namespace expunge

#endif  // EXPUNGE_BASE_CRASH_POINT_H_
