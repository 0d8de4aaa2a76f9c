#include "tests/faults/sweep.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "tests/faults/child.h"
#include "tests/faults/script.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

struct Outcome {
  bool faulted = false;
  int matched = 0;  // operations
  int errors = 0;   // that the script's calls returned
  std::string where;
  std::vector<std::string> problems;
};

Outcome RunOnce(const FaultInjection& injection, const std::optional<PowerLoss>& power_loss) {
  const TempDir dir;
  const auto files = std::make_shared<FaultyFileSystem>();
  FaultyEnv env(files);
  Client client(dir / "data", files.get(), &env);
  Outcome outcome;
  files->Inject(injection);
  RunScript(client);
  outcome.faulted = files->failed();
  outcome.matched = files->plan().matched();
  outcome.where = files->plan().where();
  outcome.errors = client.errors();
  if (power_loss) {
    files->DropUnsynced(*power_loss);
    client.NotePowerLoss();
  }
  files->Heal();
  CheckEverything(client, /*twice=*/power_loss.has_value() && injection.nth % 4 == 0);
  outcome.problems = client.problems();
  return outcome;
}

int CountOperations(const FaultInjection& injection) {
  FaultInjection never = injection;
  never.nth = std::numeric_limits<int>::max();
  const ChildResult result = RunInChild([&](const ChildReport& report) {
    const Outcome outcome = RunOnce(never, std::nullopt);
    for (const std::string& problem : outcome.problems) report.Line("problem " + problem);
    report.Line(absl::StrCat("matched ", outcome.matched));
  });
  EXPECT_EQ(result.death, "");
  int matched = 0;
  for (const std::string& line : result.lines) {
    EXPECT_EQ(line.find("problem"), std::string::npos) << "without a fault: " << line;
    std::sscanf(line.c_str(), "matched %d", &matched);
  }
  return matched;
}

}  // namespace

int StrideOr(int stride) {
  const char* const other = std::getenv("EXPUNGE_FAULT_STRIDE");
  return other != nullptr ? std::max(1, std::atoi(other)) : stride;
}

void RunSweep(const Sweep& sweep) {
  const int stride = StrideOr(sweep.stride);
  const int operations = CountOperations(sweep.injection);
  ASSERT_GT(operations, 0) << "the script does nothing that could fail";
  int runs = 0, faults = 0, noticed = 0;
  for (int next = 0; next < operations;) {
    const ChildResult result = RunInChild([&](const ChildReport& report) {
      for (int nth = next; nth < operations; nth += stride) {
        report.Line(absl::StrCat("run ", nth));
        FaultInjection injection = sweep.injection;
        injection.nth = nth;
        const Outcome outcome = RunOnce(injection, sweep.power_loss);
        for (const std::string& problem : outcome.problems) {
          report.Line(absl::StrCat("problem ", outcome.where, ": ", problem));
        }
        if (outcome.faulted) report.Line("fault");
        if (outcome.errors > 0) report.Line("noticed");
      }
    });
    int nth = next;
    for (const std::string& line : result.lines) {
      if (std::sscanf(line.c_str(), "run %d", &nth) == 1) ++runs;
      faults += line == "fault";
      noticed += line == "noticed";
      if (line.rfind("problem", 0) == 0) ADD_FAILURE() << sweep.name << " at operation " << nth << ": " << line;
    }
    if (result.death.empty()) break;
    ADD_FAILURE() << sweep.name << " at operation " << nth << ": the process " << result.death;
    next = nth + stride;  // the one that died is not repeated
  }
  EXPECT_GT(faults, 0);
  std::printf("%s: %d faults injected (%d runs for %d operations, stride %d), an error reported in %d runs%s\n",
              sweep.name.c_str(), faults, runs, operations, stride, noticed,
              testing::Test::HasFailure() ? "" : "; nothing lost");
}

}  // namespace expunge
