#include "tests/crash/settings.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "tests/testing/client_calls.h"
#include "tests/testing/stripes.h"

namespace expunge {
namespace {

int NumberFrom(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  int number = otherwise;
  if (text != nullptr && !absl::SimpleAtoi(text, &number)) ADD_FAILURE() << variable << " must be a number";
  return number;
}

}  // namespace

int CrashKills() { return NumberFrom("EXPUNGE_CRASH_KILLS", 200); }
uint32_t CrashSeed() { return static_cast<uint32_t>(NumberFrom("EXPUNGE_CRASH_SEED", 20'260'101)); }

const std::vector<std::string> kCrashServerOptions = {"--workers", "2", "--predict-threads", "1"};

const std::vector<std::string> kCrashModels = {"models/alpha", "models/beta"};

absl::Status CreateCrashModels(Client& client) {
  RETURN_IF_ERROR(Create(client, StripesModel("alpha", 4, 3)));
  return Create(client, StripesModel("beta", 2, 2));
}

std::string IdOfModel(const std::string& name) { return name.substr(name.find('/') + 1); }

}  // namespace expunge
