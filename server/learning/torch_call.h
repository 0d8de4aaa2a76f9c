#ifndef EXPUNGE_LEARNING_TORCH_CALL_H_
#define EXPUNGE_LEARNING_TORCH_CALL_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace expunge {

// Every entry into torch goes through here. Runs `body` on this thread alone (no intra-op threads) and turns what it
// throws into RESOURCE_EXHAUSTED when memory ran out, else INTERNAL.
absl::Status CallTorch(absl::FunctionRef<absl::Status()> body);

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_TORCH_CALL_H_
