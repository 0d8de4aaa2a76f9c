// Lives random histories on a build with a planted fault until the property notices it: exit status 0. Status 1: the
// fault survived every history, and the property test is worth nothing against it.

#include <cstdio>
#include <memory>

#include "tests/property/run_history.h"
#include "tests/testing/hash_trainer.h"

namespace {

constexpr uint64_t kHistories = 400;
constexpr int kRounds = 1000;  // so that a Forget often meets a training that runs

}  // namespace

int main() {
  for (uint64_t seed = 0; seed < kHistories; ++seed) {
    const std::string problem = expunge::RunHistory(expunge::RandomHistory(seed),
                                                    [] { return std::make_unique<expunge::HashTrainer>(kRounds); });
    if (!problem.empty()) {
      std::printf("caught: %s\n", problem.c_str());
      return 0;
    }
  }
  std::printf("SURVIVED %llu histories\n", static_cast<unsigned long long>(kHistories));
  return 1;
}
