// Why the networks have a product of their own: 8 constituents 784-128-10 on one thread, images of one batch at a time,
// beside LibTorch's product for each constituent and for all of them stacked. In turns.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <vector>

#include "learning/dense_layer.h"
#include "learning/fixed_point_layer.h"
#include "tests/bench/bench_main.h"

namespace expunge {
namespace {

constexpr int64_t kConstituents = 8;
constexpr int64_t kInputs = 784;
constexpr int64_t kPaddedInputs = 832;  // to what FixedPointLayer asks for
constexpr int64_t kHidden = 128;
constexpr int kRounds = 15;
constexpr int kRepetitions = 20;

void BM_FirstLayer(benchmark::State& state) {
  at::set_num_threads(1);
  const c10::InferenceMode inference;
  const int64_t batch = state.range(0);
  const at::Tensor x = at::rand({batch, kInputs});
  const at::Tensor weight = at::rand({kConstituents * kHidden, kInputs}) - 0.5;
  const at::Tensor bias = at::rand({kConstituents * kHidden});
  std::vector<DenseLayer> layers;
  InputSpec bytes;
  bytes.shape = {kInputs};
  bytes.dtype = DType::kUint8;
  bytes.mean = {72.0f};
  bytes.stddev = {90.0f};
  const Normalizer normalizer(bytes);
  std::vector<FixedPointLayer> byte_layers;
  std::vector<at::Tensor> weights, biases;
  for (int64_t k = 0; k < kConstituents; ++k) {
    weights.push_back(weight.narrow(0, k * kHidden, kHidden));
    biases.push_back(bias.narrow(0, k * kHidden, kHidden));
    layers.emplace_back(weights[k].data_ptr<float>(), biases[k].data_ptr<float>(), kInputs, kHidden);
    if (!FixedPointLayer::Supports(kInputs)) continue;
    byte_layers.emplace_back(weights[k].data_ptr<float>(), biases[k].data_ptr<float>(), normalizer, kHidden);
  }
  const AlignedBytes<uint8_t> image_bytes = AllocateAligned(batch * kPaddedInputs);
  std::fill_n(image_bytes.get(), batch * kPaddedInputs, 100);
  std::vector<float> y(static_cast<size_t>(batch * kHidden));
  const auto own = [&] {
    for (const DenseLayer& layer : layers) layer.Apply(x.data_ptr<float>(), batch, /*relu=*/true, y.data());
  };
  const auto of_bytes = [&] {
    for (const FixedPointLayer& layer : byte_layers) layer.Apply(image_bytes.get(), batch, /*relu=*/true, y.data());
  };
  const auto stacked = [&] { benchmark::DoNotOptimize(at::linear(x, weight, bias).relu_()); };
  const auto each = [&] {
    for (int64_t k = 0; k < kConstituents; ++k) {
      benchmark::DoNotOptimize(at::linear(x, weights[k], biases[k]).relu_());
    }
  };
  const auto microseconds_an_image = [&](const auto& product) {
    return 1e6 / static_cast<double>(batch * kRepetitions) * SecondsOf([&] {
             for (int i = 0; i < kRepetitions; ++i) product();
           });
  };
  Series own_times, byte_times, stacked_times, each_times, ratio;
  for (auto _ : state) {
    own_times.Add(microseconds_an_image(own));
    byte_times.Add(microseconds_an_image(of_bytes));
    stacked_times.Add(microseconds_an_image(stacked));
    each_times.Add(microseconds_an_image(each));
    ratio.Add(std::min(stacked_times.Last(), each_times.Last()) / own_times.Last());
  }
  state.counters["own_us_an_image"] = own_times.Median();
  if (!byte_layers.empty()) state.counters["of_bytes_us_an_image"] = byte_times.Median();
  state.counters["stacked_us_an_image"] = stacked_times.Median();
  state.counters["each_us_an_image"] = each_times.Median();
  if (batch == 16) ReportRatio("inference_batch16_vs_libtorch", ratio.Median());
}

BENCHMARK(BM_FirstLayer)->Arg(1)->Arg(4)->Arg(8)->Arg(16)->Arg(32)->Arg(64)->Arg(256)->Iterations(kRounds);

}  // namespace
}  // namespace expunge
