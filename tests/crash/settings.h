#ifndef EXPUNGE_TESTS_CRASH_SETTINGS_H_
#define EXPUNGE_TESTS_CRASH_SETTINGS_H_

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace expunge {

// What all tests of crashes have in common.

inline int CrashNumberFrom(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  int number = otherwise;
  if (text != nullptr && !absl::SimpleAtoi(text, &number)) ADD_FAILURE() << variable << " must be a number";
  return number;
}

inline int CrashKills() { return CrashNumberFrom("EXPUNGE_CRASH_KILLS", 200); }
inline uint32_t CrashSeed() { return static_cast<uint32_t>(CrashNumberFrom("EXPUNGE_CRASH_SEED", 20'260'101)); }

inline const std::vector<std::string> kCrashServerOptions = {"--workers", "2", "--predict-threads", "1"};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_SETTINGS_H_
