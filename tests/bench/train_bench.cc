// Training throughput beside its yardstick: the loop that one would write with LibTorch's own modules and optimizer.
// Compare medians of repetitions taken in turns in one run:
//   --benchmark_repetitions=15 --benchmark_enable_random_interleaving=true

#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "learning/torch_trainer.h"
#include "model/spec.h"
#include "model/trainer.h"

namespace expunge {
namespace {

constexpr uint32_t kSamples = 4096;
constexpr uint32_t kClasses = 10;
constexpr float kMean = 127.5f;
constexpr float kStddev = 127.5f;

ModelSpec ReferenceSpec() {
  ModelSpec spec;
  spec.input = {.shape = {28, 28}, .dtype = DType::kUint8, .mean = {kMean}, .stddev = {kStddev}};
  spec.labels.resize(kClasses);
  spec.architecture = Mlp{.hidden_sizes = {128}};
  spec.training.batch_size = 32;
  spec.training.optimizer = Sgd{.learning_rate = 0.01, .momentum = 0.9};
  return spec;
}

SampleBlock RandomBlock(const ModelSpec& spec) {
  std::mt19937 generator(1);
  SampleBlock block;
  block.count = kSamples;
  block.inputs.resize(kSamples * spec.input.SampleBytes());
  for (uint8_t& byte : block.inputs) byte = static_cast<uint8_t>(generator());
  for (uint32_t i = 0; i < kSamples; ++i) block.labels.push_back(generator() % kClasses);
  return block;
}

std::vector<uint32_t> RandomOrder() {
  std::vector<uint32_t> order(kSamples);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(2));
  return order;
}

void ReportSamples(benchmark::State& state, int64_t samples_per_iteration) {
  state.counters["samples_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations() * samples_per_iteration), benchmark::Counter::kIsRate);
}

// Data as one uint8 tensor; each batch gathered by index_select and normalized.
void BM_TrainBareLoop(benchmark::State& state) {
  at::set_num_threads(1);
  const ModelSpec spec = ReferenceSpec();
  const auto& sgd = std::get<Sgd>(spec.training.optimizer);
  SampleBlock block = RandomBlock(spec);
  const torch::Tensor images = torch::from_blob(block.inputs.data(), {kSamples, 28 * 28}, torch::kUInt8);
  const torch::Tensor labels = torch::tensor(std::vector<int64_t>(block.labels.begin(), block.labels.end()));
  const std::vector<uint32_t> order = RandomOrder();
  const torch::Tensor indices = torch::tensor(std::vector<int64_t>(order.begin(), order.end()));

  torch::nn::Sequential model(torch::nn::Linear(28 * 28, 128), torch::nn::ReLU(), torch::nn::Linear(128, kClasses));
  torch::optim::SGD optimizer(model->parameters(), torch::optim::SGDOptions(sgd.learning_rate).momentum(sgd.momentum));
  for (auto _ : state) {
    for (const torch::Tensor& batch : indices.split(spec.training.batch_size)) {
      const torch::Tensor inputs = images.index_select(0, batch).to(torch::kFloat).sub_(kMean).div_(kStddev);
      optimizer.zero_grad();
      torch::nn::functional::cross_entropy(model->forward(inputs), labels.index_select(0, batch)).backward();
      optimizer.step();
    }
  }
  ReportSamples(state, kSamples);
}

// One worker's state, continued from iteration to iteration.
class Worker {
 public:
  explicit Worker(const Trainer& trainer)
      : trainer_(trainer), spec_(ReferenceSpec()), block_(RandomBlock(spec_)), epochs_{RandomOrder()} {
    state_ = trainer_.Initialize(spec_, Digest{}).value();
  }

  void TrainOneEpoch() {
    const absl::Status status = trainer_.Train(
        spec_, block_, epochs_, [] { return false; }, &state_);
    if (!status.ok()) std::abort();
  }

 private:
  const Trainer& trainer_;
  const ModelSpec spec_;
  const SampleBlock block_;
  const std::vector<std::vector<uint32_t>> epochs_;
  TrainingState state_;
};

void BM_TrainExpunge(benchmark::State& state) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  Worker worker(*trainer);
  for (auto _ : state) worker.TrainOneEpoch();
  ReportSamples(state, kSamples);
}

void BM_TrainTwoWorkers(benchmark::State& state) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  Worker first(*trainer);
  Worker second(*trainer);
  for (auto _ : state) {
    std::thread other([&] { second.TrainOneEpoch(); });
    first.TrainOneEpoch();
    other.join();
  }
  ReportSamples(state, 2 * kSamples);
}

BENCHMARK(BM_TrainBareLoop)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TrainExpunge)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TrainTwoWorkers)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
