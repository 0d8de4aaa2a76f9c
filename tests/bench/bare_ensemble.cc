#include "tests/bench/bare_ensemble.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace expunge {
namespace {

struct Parameters {
  at::Tensor weight1, bias1;  // constituents * hidden x inputs; constituents * hidden
  at::Tensor weight2, bias2;  // constituents x hidden x classes; constituents x 1 x classes
};

at::Tensor Uniform(at::IntArrayRef shape, int64_t fan_in) {
  return (at::rand(shape) * 2 - 1) / std::sqrt(static_cast<double>(fan_in));
}

Parameters RandomParameters(const BareEnsemble& ensemble) {
  const auto& [constituents, inputs, hidden, classes, mean, stddev] = ensemble;
  return {.weight1 = Uniform({constituents * hidden, inputs}, inputs),
          .bias1 = Uniform({constituents * hidden}, inputs),
          .weight2 = Uniform({constituents, hidden, classes}, hidden),
          .bias2 = Uniform({constituents, 1, classes}, hidden)};
}

// Mean probabilities, batch x classes.
at::Tensor Answer(const BareEnsemble& ensemble, const Parameters& parameters, const std::vector<uint8_t>& images,
                  int64_t batch) {
  const at::Tensor bytes =
      at::from_blob(const_cast<uint8_t*>(images.data()), {batch, ensemble.inputs}, at::TensorOptions(at::kByte));
  const at::Tensor inputs = bytes.to(at::kFloat).sub_(ensemble.mean).div_(ensemble.stddev);
  const at::Tensor hidden = at::linear(inputs, parameters.weight1, parameters.bias1).relu_();
  // From batch x (constituents * hidden), without a copy.
  const at::Tensor by_constituent = hidden.view({batch, ensemble.constituents, ensemble.hidden}).transpose(0, 1);
  const at::Tensor logits = at::baddbmm(parameters.bias2, by_constituent, parameters.weight2);
  return at::softmax(logits, /*dim=*/2).mean(/*dim=*/0);
}

}  // namespace

double BareImagesPerSecond(const BareEnsemble& ensemble, const std::vector<std::vector<uint8_t>>& batches,
                           int64_t batch, int threads, absl::Duration duration) {
  const Parameters parameters = RandomParameters(ensemble);
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + absl::ToChronoNanoseconds(duration);
  std::atomic<int64_t> answered = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      const c10::InferenceMode inference;
      at::set_num_threads(1);
      int64_t images = 0;
      for (size_t next = static_cast<size_t>(i); std::chrono::steady_clock::now() < end; ++next) {
        const at::Tensor answer = Answer(ensemble, parameters, batches[next % batches.size()], batch);
        images += answer.size(0);
      }
      answered += images;
    });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(answered) / elapsed.count();
}

}  // namespace expunge
