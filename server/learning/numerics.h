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

// The kernels that the libraries chose for this processor.
struct ChosenKernels {
  std::string blas;  // OpenBLAS' name of the processor; for another BLAS library, which one
  std::string aten;  // torch's own: "DEFAULT", "AVX2", "AVX512"
  int one_dnn = 0;   // dnnl_cpu_isa_t; 0: there is no oneDNN
};
ChosenKernels DescribeKernels();

// FAILED_PRECONDITION when several threads could not compute at once without disturbing one another (blas_guard.h).
absl::Status CheckBlas();

// Why training will be slow here, for the log; empty when it will not be. The BLAS library decides the speed: reference
// BLAS is ten times slower than OpenBLAS, and a multithreaded one makes several workers slower than one.
std::string BlasWarning();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_NUMERICS_H_
