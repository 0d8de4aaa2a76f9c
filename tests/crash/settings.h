#ifndef EXPUNGE_TESTS_CRASH_SETTINGS_H_
#define EXPUNGE_TESTS_CRASH_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/client.h"

namespace expunge {

// What all tests of crashes have in common.

int CrashKills();      // EXPUNGE_CRASH_KILLS, or 200
uint32_t CrashSeed();  // EXPUNGE_CRASH_SEED, or always the same

inline constexpr int kCallers = 3;  // clients of a server

extern const std::vector<std::string> kCrashServerOptions;

extern const std::vector<std::string> kCrashModels;
absl::Status CreateCrashModels(Client& client);
std::string IdOfModel(const std::string& name);  // without "models/"

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_SETTINGS_H_
