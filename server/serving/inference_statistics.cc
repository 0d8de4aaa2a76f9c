#include "serving/inference_statistics.h"

#include <vector>

#include "absl/time/time.h"

namespace expunge {
namespace {

// From what one image of a small model takes to what no caller waits for.
std::vector<absl::Duration> Bounds() {
  std::vector<absl::Duration> bounds;
  for (const int64_t micros : {25, 50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 100'000, 1'000'000}) {
    bounds.push_back(absl::Microseconds(micros));
  }
  return bounds;
}

}  // namespace

InferenceStatistics::InferenceStatistics() : queued_(Bounds()), computing_(Bounds()) {}

void InferenceStatistics::CountBatch(size_t samples, absl::Duration computing) {
  Add(&batches_, 1);
  Add(&samples_, samples);
  computing_.Observe(computing);
}

}  // namespace expunge
