#ifndef EXPUNGE_TESTS_FAULTS_SWEEP_H_
#define EXPUNGE_TESTS_FAULTS_SWEEP_H_

#include <optional>
#include <string>

#include "tests/testing/faulty_file_system.h"

namespace expunge {

// One kind of fault at one operation after the other.
struct Sweep {
  std::string name;
  FaultInjection injection;             // `nth` is the sweep's
  std::optional<PowerLoss> power_loss;  // when the script has ended
  int stride = 1;                       // of the operations, every so many get the fault
};

// A sweep's stride, unless the environment has another one: EXPUNGE_FAULT_STRIDE.
int StrideOr(int stride);
// Where a sweep begins: EXPUNGE_FAULT_FIRST, or 0. With a large stride: one fault alone.
int FirstFault();

// Runs the script once for each operation that the injection names, with the fault there, then reopens with healthy
// files and checks everything. Adds a failure for each promise that was broken.
void RunSweep(const Sweep& sweep);

// How many faults there were, and in which of the two databases.
struct FaultCounts {
  int keyring = 0, store = 0, elsewhere = 0;

  void Count(const std::string& file);
  // Prints "<sweep>: <number> faults injected (<details>)", and whether the test has gone well so far: `all_well`.
  void Print(const std::string& sweep, const std::string& details, const std::string& all_well) const;
};

constexpr int kChildren = 8;  // that share a sweep: most of a run is waiting

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_SWEEP_H_
