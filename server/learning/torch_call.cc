#include "learning/torch_call.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <exception>
#include <new>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace expunge {
namespace {

absl::Status OutOfMemory() {
  return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY", "not enough memory for the model's tensors");
}

absl::Status TorchFailed(const char* what) {
  return Error(absl::StatusCode::kInternal, "TORCH_FAILED", absl::StrCat("torch: ", what));
}

}  // namespace

absl::Status CallTorch(absl::FunctionRef<absl::Status()> body) {
  // OpenMP keeps the number of threads per calling thread, and whoever called before may have set it. It is part of
  // what the bits depend on, too: a convolution's gradient is summed up by the threads.
  if (at::get_num_threads() != 1) at::set_num_threads(1);
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const c10::Error& error) {
    // torch has no type of its own for a failed allocation on the CPU.
    if (absl::StrContains(error.what_without_backtrace(), "DefaultCPUAllocator")) return OutOfMemory();
    return TorchFailed(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return TorchFailed(error.what());
  }
}

}  // namespace expunge
