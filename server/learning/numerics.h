#ifndef EXPUNGE_LEARNING_NUMERICS_H_
#define EXPUNGE_LEARNING_NUMERICS_H_

#include <string>

#include "absl/status/status.h"

namespace expunge {

// What the bits of a trained parameter depend on besides the arguments of the training, in one line: our own kernels'
// version, torch with its build, the BLAS library with the kernel it chose for this processor, the instruction sets
// that torch and oneDNN use. Where it is the same, training gives the same bits, as far as these libraries tell. It
// does not change while the process runs.
std::string DescribeNumericEnvironment();

// FAILED_PRECONDITION when several threads could not compute at once without disturbing one another (blas_guard.h).
absl::Status CheckBlas();

// Why training will be slow here, for the log; empty when it will not be. The BLAS library decides the speed: reference
// BLAS is ten times slower than OpenBLAS, and a multithreaded one makes several workers slower than one.
std::string BlasWarning();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_NUMERICS_H_
