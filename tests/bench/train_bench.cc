// Training throughput beside its yardsticks: the loop that one would write with LibTorch's own modules and optimizer,
// two workers beside one, and portable kernels beside those for this processor. Both sides in turns, compared pair by
// pair.

#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "learning/torch_trainer.h"
#include "model/spec.h"
#include "model/trainer.h"
#include "tests/bench/bench_main.h"
#include "tests/testing/child_process.h"

namespace expunge {
namespace {

constexpr int kRounds = 50;
constexpr int kProbeRounds = 9;
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

// Data as one uint8 tensor; each batch gathered by index_select and normalized.
class BareLoop {
 public:
  BareLoop() {
    at::set_num_threads(1);
    const std::vector<uint32_t> order = RandomOrder();
    indices_ = torch::tensor(std::vector<int64_t>(order.begin(), order.end()));
    labels_ = torch::tensor(std::vector<int64_t>(block_.labels.begin(), block_.labels.end()));
  }

  void TrainOneEpoch() {
    for (const torch::Tensor& batch : indices_.split(spec_.training.batch_size)) {
      const torch::Tensor inputs = images_.index_select(0, batch).to(torch::kFloat).sub_(kMean).div_(kStddev);
      optimizer_.zero_grad();
      torch::nn::functional::cross_entropy(model_->forward(inputs), labels_.index_select(0, batch)).backward();
      optimizer_.step();
    }
  }

 private:
  const ModelSpec spec_ = ReferenceSpec();
  SampleBlock block_ = RandomBlock(spec_);
  const torch::Tensor images_ = torch::from_blob(block_.inputs.data(), {kSamples, 28 * 28}, torch::kUInt8);
  torch::Tensor labels_;
  torch::Tensor indices_;
  torch::nn::Sequential model_{torch::nn::Linear(28 * 28, 128), torch::nn::ReLU(), torch::nn::Linear(128, kClasses)};
  torch::optim::SGD optimizer_{model_->parameters(),
                               torch::optim::SGDOptions(std::get<Sgd>(spec_.training.optimizer).learning_rate)
                                   .momentum(std::get<Sgd>(spec_.training.optimizer).momentum)};
};

// One worker's state, continued from epoch to epoch.
class Worker {
 public:
  explicit Worker(const Trainer& trainer)
      : trainer_(trainer), spec_(ReferenceSpec()), block_(RandomBlock(spec_)), epochs_{RandomOrder()} {
    state_ = ValueOf(trainer_.Initialize(spec_, Digest{}));
  }

  void TrainOneEpoch() {
    CheckOk(trainer_.Train(
        spec_, block_, epochs_, [] { return false; }, &state_));
  }

 private:
  const Trainer& trainer_;
  const ModelSpec spec_;
  const SampleBlock block_;
  const std::vector<std::vector<uint32_t>> epochs_;
  TrainingState state_;
};

// Both sides have one thread, so CPU time is what they take on a core of their own, whatever else the machine does.
void BM_TrainVersusBareLoop(benchmark::State& state) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  Worker worker(*trainer);
  BareLoop bare_loop;
  const auto cpu_seconds_of = [](auto& side) {
    const double begin = ProcessCpuSeconds();
    side.TrainOneEpoch();
    return ProcessCpuSeconds() - begin;
  };
  cpu_seconds_of(bare_loop);  // the first epoch also loads the libraries
  Series ours, bare, ratio;
  for (auto _ : state) {
    const double seconds = cpu_seconds_of(worker);
    const double bare_seconds = cpu_seconds_of(bare_loop);
    ours.Add(seconds);
    bare.Add(bare_seconds);
    ratio.Add(bare_seconds / seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["samples_per_second"] = kSamples / ours.Median();
  state.counters["bare_loop_samples_per_second"] = kSamples / bare.Median();
  ReportRatio("train_vs_bare_loop", ratio.Median());
}

// Wall time: needs two idle cores.
void BM_TrainTwoWorkers(benchmark::State& state) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  Worker first(*trainer);
  Worker second(*trainer);
  first.TrainOneEpoch();
  Series one, two, ratio;
  for (auto _ : state) {
    const double one_seconds = SecondsOf([&] { first.TrainOneEpoch(); });
    const double two_seconds = SecondsOf([&] {
      std::thread other([&] { second.TrainOneEpoch(); });
      first.TrainOneEpoch();
      other.join();
    });
    one.Add(one_seconds);
    two.Add(two_seconds);
    ratio.Add(2 * one_seconds / two_seconds);
    state.SetIterationTime(two_seconds);
  }
  state.counters["samples_per_second"] = 2 * kSamples / two.Median();
  state.counters["one_worker_samples_per_second"] = kSamples / one.Median();
  ReportRatio("train_two_workers_vs_one", ratio.Median());
}

// Samples a second of a process that trains with these kernels.
double ProbedRate(const std::string& numerics, const std::string& architecture) {
  const Outcome outcome = RunProgram({.arguments = {EXPUNGE_TRAIN_PROBE, numerics, architecture, "4096", "3"}});
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n');
  double rate = 0;
  if (outcome.status != 0 || lines.size() < 4 || !absl::SimpleAtod(lines[3], &rate)) {
    CheckOk(absl::InternalError(outcome.err));
  }
  return rate;
}

// What kernels for AVX2 cost where the libraries would choose others. In turns, each in a process of its own.
void BM_TrainPortableVersusNative(benchmark::State& state, const char* architecture, const char* ratio_name) {
  // Whoever started this may have pinned something.
  for (const char* pin : {"OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"}) {
    unsetenv(pin);
  }
  Series native, portable, ratio;
  for (auto _ : state) {
    native.Add(ProbedRate("native", architecture));
    portable.Add(ProbedRate("portable", architecture));
    ratio.Add(portable.Last() / native.Last());
    state.SetIterationTime(kSamples / portable.Last());
  }
  state.counters["samples_per_second"] = portable.Median();
  state.counters["native_samples_per_second"] = native.Median();
  ReportRatio(ratio_name, ratio.Median());
}

BENCHMARK_CAPTURE(BM_TrainPortableVersusNative, mlp, "mlp", "train_portable_vs_native_mlp")
    ->UseManualTime()
    ->Iterations(kProbeRounds)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_TrainPortableVersusNative, cnn, "cnn", "train_portable_vs_native_cnn")
    ->UseManualTime()
    ->Iterations(kProbeRounds)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TrainVersusBareLoop)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_TrainTwoWorkers)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
