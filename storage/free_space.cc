#include "storage/free_space.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr uint64_t kBytesPerQuestion = uint64_t{16} << 20;

}  // namespace

absl::Status FreeSpace::Admit(uint64_t bytes) {
  const MutexLock lock(&mutex_);
  if (bytes <= admitted_unasked_) {
    admitted_unasked_ -= bytes;
    return absl::OkStatus();
  }
  admitted_unasked_ = 0;
  uint64_t free = 0;
  RETURN_IF_ERROR(FromRocks(env_->GetFreeSpace(path_, &free), "the main store"));
  if (free < reserved_bytes_ || free - reserved_bytes_ < bytes) {
    return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                 absl::StrCat("the device of the data directory has ", free, " bytes free, of which ", reserved_bytes_,
                              " are kept for erasures: make room there"));
  }
  admitted_unasked_ = std::min(kBytesPerQuestion, free - reserved_bytes_ - bytes);
  return absl::OkStatus();
}

}  // namespace expunge
