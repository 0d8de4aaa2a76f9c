#ifndef EXPUNGE_TESTS_BENCH_BARE_ENSEMBLE_H_
#define EXPUNGE_TESTS_BENCH_BARE_ENSEMBLE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace expunge {

// The yardstick for answering batches: what one would write with LibTorch alone for an ensemble of multi-layer
// perceptrons with one hidden layer, without a server around it. All constituents' parameters are stacked, so that a
// batch takes two matrix products for all of them: the first layers as one product of their rows on end, the second
// ones as one batched product. Each batch is normalized from 8-bit inputs, and ends as the mean of the softmax
// probabilities. Parameters are random: what they are costs nothing.
struct BareEnsemble {
  int64_t constituents;
  int64_t inputs;
  int64_t hidden;
  int64_t classes;
  float mean;
  float stddev;
};

// Images a second that `threads` threads answer together, each batch after batch in InferenceMode with one intra-op
// thread, as the server's do. The batches are taken in turn; each holds `batch` images, packed.
double BareImagesPerSecond(const BareEnsemble& ensemble, const std::vector<std::vector<uint8_t>>& batches,
                           int64_t batch, int threads, absl::Duration duration);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_BENCH_BARE_ENSEMBLE_H_
