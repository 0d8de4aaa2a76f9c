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
  int stride = 1;  // of the operations, every so many get the fault; EXPUNGE_FAULT_STRIDE in the environment overrides
};

// A sweep's stride, unless the environment has another one.
int StrideOr(int stride);

// Runs the script once for each operation that the injection names, with the fault there, then reopens with healthy
// files and checks everything. Adds a failure for each promise that was broken, and prints how many faults there were.
void RunSweep(const Sweep& sweep);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_SWEEP_H_
