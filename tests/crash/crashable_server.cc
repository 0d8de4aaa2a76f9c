// `expunged`, which ends by SIGKILL at a crash point when EXPUNGE_CRASH_AT asks for it: "forget_recorded:3" is the
// third time that any thread passes forget_recorded. It says so on stderr first.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/crash_point.h"
#include "server/server_main.h"

namespace expunge {
namespace {

std::string fatal_point;
std::string last_words;
std::atomic<int> passings_left = 0;

void DieWhenItIsTime(std::string_view point) {
  if (point != fatal_point || passings_left.fetch_sub(1) != 1) return;
  const auto ignored = write(STDERR_FILENO, last_words.data(), last_words.size());
  static_cast<void>(ignored);
  kill(getpid(), SIGKILL);
  while (true) pause();
}

// False: `text` is no place to die at.
bool DieAt(const std::string& text) {
  int passings = 0;
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (std::find(kCrashPoints.begin(), kCrashPoints.end(), parts.first) == kCrashPoints.end()) return false;
  if (!absl::SimpleAtoi(parts.second, &passings) || passings < 1) return false;
  fatal_point = parts.first;
  last_words = absl::StrCat("dies at ", text, "\n");
  passings_left = passings;
  crash_hook = DieWhenItIsTime;
  return true;
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  if (const char* const place = std::getenv("EXPUNGE_CRASH_AT"); place != nullptr && !expunge::DieAt(place)) {
    std::cerr << "EXPUNGE_CRASH_AT must be a crash point, ':' and a number from 1 on\n";
    return 2;
  }
  return expunge::ServerMain(argc, argv);
}
