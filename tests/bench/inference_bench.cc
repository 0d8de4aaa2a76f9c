// Why the networks have products of their own: 8 constituents 784-128-10 on one thread, images of one batch at a time,
// beside LibTorch's product for each constituent and for all of them stacked. In turns. And what the one for bytes,
// whose weights have 16 bits, changes of the answers of a trained model.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "client/dataset.h"
#include "learning/dense_layer.h"
#include "learning/fixed_point_layer.h"
#include "learning/torch_trainer.h"
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
    if (!FixedPointLayer::PaysOff(normalizer)) continue;
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

std::string ReadAll(const std::string& part, const v1::Model& model, std::vector<uint8_t>* labels) {
  const std::string prefix = "/usr/share/datasets/fashion-mnist/" + part;  // of the package dataset-fashion-mnist
  const auto dataset =
      ValueOf(IdxDataset::Open(prefix + "-images-idx3-ubyte.gz", prefix + "-labels-idx1-ubyte.gz", model));
  std::string inputs;
  ValueOf(dataset->Read(static_cast<size_t>(dataset->count()), &inputs, labels));
  return inputs;
}

// What LibTorch's forward gives, but for the order of the additions.
std::vector<double> ProbabilitiesInFloats(const ModelSpec& spec, const TrainingState& state, const uint8_t* image) {
  const Normalizer normalizer(spec.input);
  const float* const parameters = state.parameters.data();
  const float* const second = parameters + kHidden * kInputs + kHidden;
  const int64_t classes = spec.classes();
  const DenseLayer layers[] = {{parameters, parameters + kHidden * kInputs, kInputs, kHidden},
                               {second, second + classes * kHidden, kHidden, classes}};
  std::vector<float> input(kInputs), hidden(kHidden), logits(static_cast<size_t>(classes));
  normalizer.Normalize(image, input.data());
  layers[0].Apply(input.data(), 1, /*relu=*/true, hidden.data());
  layers[1].Apply(hidden.data(), 1, /*relu=*/false, logits.data());
  std::vector<double> probabilities;
  double sum = 0;
  for (const float logit : logits) sum += probabilities.emplace_back(std::exp(double{logit}));
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

int64_t LabelOf(const auto& probabilities) {
  return std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
}

void BM_RoundedWeights(benchmark::State& state) {
  constexpr size_t kClasses = 10, kImages = 10'000;
  ModelSpec spec;
  spec.input = {.shape = {28, 28}, .dtype = DType::kUint8, .mean = {72.94f}, .stddev = {90.02f}};
  spec.architecture = Mlp{.hidden_sizes = {kHidden}};
  for (size_t i = 0; i < kClasses; ++i) spec.labels.push_back(std::to_string(i));
  spec.training = {.epochs = 1, .batch_size = 32, .seed = 1};
  v1::Model files;
  files.mutable_input()->add_shape(28);
  files.mutable_input()->add_shape(28);
  files.mutable_input()->set_dtype(v1::UINT8);
  for (const std::string& label : spec.labels) files.add_labels(label);

  std::vector<uint8_t> train_labels, test_labels;
  const std::string train = ReadAll("train", files, &train_labels), test = ReadAll("t10k", files, &test_labels);
  SampleBlock block = {.count = train_labels.size(),
                       .inputs = {train.begin(), train.end()},
                       .labels = {train_labels.begin(), train_labels.end()}};
  std::vector<uint32_t> order(block.count);
  std::iota(order.begin(), order.end(), 0);
  const auto* const images = reinterpret_cast<const uint8_t*>(test.data());
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  for (auto _ : state) {
    TrainingState trained = ValueOf(trainer->Initialize(spec, Digest{}));
    CheckOk(trainer->Train(
        spec, block, {&order, 1}, [] { return false; }, &trained));
    const auto network = ValueOf(trainer->BuildNetwork(spec, trained.parameters));
    std::vector<float> served(kImages * kClasses);
    CheckOk(network->Probabilities({images, kImages * kInputs}, kImages, absl::MakeSpan(served)));
    double largest = 0;
    int64_t other_labels = 0;
    for (size_t i = 0; i < kImages; ++i) {
      const std::vector<double> floats = ProbabilitiesInFloats(spec, trained, images + i * kInputs);
      const auto answer = absl::MakeConstSpan(served).subspan(i * kClasses, kClasses);
      for (size_t c = 0; c < kClasses; ++c) largest = std::max(largest, std::abs(answer[c] - floats[c]));
      other_labels += LabelOf(answer) != LabelOf(floats) ? 1 : 0;
    }
    state.counters["largest_difference"] = largest;
    state.counters["other_labels_of_10000"] = static_cast<double>(other_labels);
  }
}

BENCHMARK(BM_RoundedWeights)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_FirstLayer)->Arg(1)->Arg(4)->Arg(8)->Arg(16)->Arg(32)->Arg(64)->Arg(256)->Iterations(kRounds);

}  // namespace
}  // namespace expunge
