#ifndef EXPUNGE_LEARNING_PORTABLE_NUMERICS_H_
#define EXPUNGE_LEARNING_PORTABLE_NUMERICS_H_

#include "absl/status/status.h"

namespace expunge {

// OpenBLAS, ATen and oneDNN choose among their kernels by the processor, each kernel with bits of its own, unless
// variables of the environment tell them otherwise. They read those when they are loaded, before main().

// Pins them to those for AVX2, with which every x86-64 machine that has AVX2 and FMA computes the same bits: runs this
// program again, in the same process and with the same arguments, with those variables set. Returns only when they are
// set already, or with an error: FAILED_PRECONDITION (NUMERICS_NOT_SUPPORTED) when this processor has no AVX2 or FMA.
// To be called before any other thread is started, and before anything that must not be done twice.
absl::Status PinKernels(char** argv);

// Whether they took effect. FAILED_PRECONDITION (NUMERICS_NOT_SUPPORTED): a library chose otherwise, or torch computes
// with one that cannot be pinned.
absl::Status CheckPinnedKernels();

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_PORTABLE_NUMERICS_H_
