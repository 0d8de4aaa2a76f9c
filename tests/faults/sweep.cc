#include "tests/faults/sweep.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
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

int EnvironmentOr(const char* name, int usual) {
  const char* const value = std::getenv(name);
  return value != nullptr ? std::atoi(value) : usual;
}

int CountOperations(const FaultInjection& injection) {
  FaultInjection never = injection;
  never.nth = std::numeric_limits<int>::max();
  Child child([&](const ChildReport& report) {
    const Outcome outcome = RunOnce(never, std::nullopt);
    for (const std::string& problem : outcome.problems) report.Line("problem " + problem);
    report.Line(absl::StrCat("matched ", outcome.matched));
  });
  const ChildResult result = child.Join();
  EXPECT_EQ(result.death, "");
  int matched = 0;
  for (const std::string& line : result.lines) {
    EXPECT_EQ(line.find("problem"), std::string::npos) << "without a fault: " << line;
    std::sscanf(line.c_str(), "matched %d", &matched);
  }
  return matched;
}

void RunShare(const Sweep& sweep, const std::vector<int>& share, const ChildReport& report) {
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  for (const int nth : share) {
    report.Line(absl::StrCat("run ", nth));
    FaultInjection injection = sweep.injection;
    injection.nth = nth;
    const Outcome outcome = RunOnce(injection, sweep.power_loss);
    for (const std::string& problem : outcome.problems) {
      report.Line(absl::StrCat("problem ", outcome.where, ": ", problem));
    }
    if (outcome.faulted) report.Line("fault " + outcome.where);
    if (outcome.errors > 0) report.Line("noticed");
  }
}

struct Counts {
  FaultCounts faults;
  int noticed = 0;
  std::map<int, int> ended;  // by operation: how often RocksDB ended the process
};

// While a flush syncs a WAL that it has closed, a synced write waits to sync the same one. When the flush fails,
// Debian's RocksDB asserts that the writer does not try. The server is then ended as by a kill, which the crash tests
// are about, and what the client knew is lost here.
bool IsKnownEnd(const std::string& death) {
  return absl::StrContains(death, "AssertFalseAndGetStatusForPrevError") &&
         absl::StrContains(death, "WritableFileWriter4SyncEb");
}

// Returns those of the share that are left: the child died before it came to them.
std::vector<int> Judge(const Sweep& sweep, const std::vector<int>& share, const ChildResult& result, Counts& counts) {
  int nth = share.front();
  for (const std::string& line : result.lines) {
    std::sscanf(line.c_str(), "run %d", &nth);
    if (line.rfind("fault", 0) == 0) counts.faults.Count(line);
    counts.noticed += line == "noticed";
    if (line.rfind("problem", 0) == 0) ADD_FAILURE() << sweep.name << " at operation " << nth << ": " << line;
  }
  if (result.death.empty()) return {};
  if (IsKnownEnd(result.death) && ++counts.ended[nth] < 4) {  // a matter of moments: once more
    return {std::lower_bound(share.begin(), share.end(), nth), share.end()};
  }
  ADD_FAILURE() << sweep.name << " at operation " << nth << ": the process " << result.death;
  return {std::upper_bound(share.begin(), share.end(), nth), share.end()};
}

}  // namespace

int StrideOr(int stride) { return std::max(1, EnvironmentOr("EXPUNGE_FAULT_STRIDE", stride)); }
int FirstFault() { return std::max(0, EnvironmentOr("EXPUNGE_FAULT_FIRST", 0)); }

void RunSweep(const Sweep& sweep) {
  const int stride = StrideOr(sweep.stride);
  const int operations = CountOperations(sweep.injection);
  ASSERT_GT(operations, 0) << "the script does nothing that could fail";
  std::vector<std::vector<int>> shares(kChildren);
  for (int nth = FirstFault(); nth < operations; nth += stride) shares[nth / stride % kChildren].push_back(nth);
  std::erase(shares, std::vector<int>());
  Counts counts;
  while (!shares.empty()) {
    std::vector<std::unique_ptr<Child>> children;
    for (const std::vector<int>& share : shares) {
      children.push_back(std::make_unique<Child>([&](const ChildReport& report) { RunShare(sweep, share, report); }));
    }
    for (size_t i = 0; i < shares.size(); ++i) shares[i] = Judge(sweep, shares[i], children[i]->Join(), counts);
    std::erase(shares, std::vector<int>());
  }
  // Few are for one who looks for a defect.
  if (operations / stride >= 20) {
    EXPECT_GT(counts.faults.keyring, 0);
    EXPECT_GT(counts.faults.store, 0);
  }
  counts.faults.Print(sweep.name,
                      absl::StrCat("every ", stride, ". of ", operations, " operations, ", counts.noticed,
                                   " reported by a call, RocksDB ended the process at ", counts.ended.size()),
                      "nothing lost");
}

void FaultCounts::Count(const std::string& file) {
  ++(absl::StrContains(file, "/keyring") ? keyring : absl::StrContains(file, "/store") ? store : elsewhere);
}

void FaultCounts::Print(const std::string& sweep, const std::string& details, const std::string& all_well) const {
  std::printf("%s: %d faults injected (%d in the keyring, %d in the main store, %d elsewhere; %s)%s\n", sweep.c_str(),
              keyring + store + elsewhere, keyring, store, elsewhere, details.c_str(),
              testing::Test::HasFailure() ? "" : (", " + all_well).c_str());
}

}  // namespace expunge
