// A training in a process of its own, for whoever wants to see it under other kernels than the libraries chose for him:
//   train_probe native|portable|unpinned mlp|cnn SAMPLES EPOCHS
// "unpinned" takes the kernels for portable ones without having pinned them. Prints a line each: the numeric
// environment; digests of the trained parameters and of the probabilities that they give; samples trained a second of
// CPU time, in the fastest epoch.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/digest.h"
#include "learning/portable_numerics.h"
#include "learning/torch_trainer.h"
#include "model/spec.h"
#include "model/trainer.h"

namespace expunge {
namespace {

ModelSpec Spec(const std::string& architecture) {
  ModelSpec spec;
  spec.input = {.shape = {28, 28}, .dtype = DType::kUint8, .mean = {127.5f}, .stddev = {127.5f}};
  spec.labels.resize(10);
  if (architecture == "cnn") {
    spec.architecture = Cnn{};
  } else {
    spec.architecture = Mlp{.hidden_sizes = {128}};
  }
  spec.training.batch_size = 32;
  spec.training.optimizer = Sgd{.learning_rate = 0.01, .momentum = 0.9};
  return spec;
}

SampleBlock RandomBlock(const ModelSpec& spec, uint32_t samples) {
  std::mt19937 generator(1);
  SampleBlock block;
  block.count = samples;
  block.inputs.resize(samples * spec.input.SampleBytes());
  for (uint8_t& byte : block.inputs) byte = static_cast<uint8_t>(generator());
  for (uint32_t i = 0; i < samples; ++i) block.labels.push_back(generator() % 10);
  return block;
}

void CheckOk(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::exit(1);
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string DigestOf(const std::vector<float>& values) {
  return ToHex(AsBytes(Sha256({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)})));
}

void Probe(const ModelSpec& spec, uint32_t samples, int epochs) {
  const auto trainer = CreateTorchTrainer();
  const SampleBlock block = RandomBlock(spec, samples);
  std::vector<std::vector<uint32_t>> order(1, std::vector<uint32_t>(samples));
  std::iota(order[0].begin(), order[0].end(), 0);
  auto state = trainer->Initialize(spec, Digest{});
  CheckOk(state.status());
  double fastest = std::numeric_limits<double>::infinity();
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const double begin = CpuSeconds();
    CheckOk(trainer->Train(
        spec, block, order, [] { return false; }, &*state));
    fastest = std::min(fastest, CpuSeconds() - begin);
  }
  const auto network = trainer->BuildNetwork(spec, state->parameters);
  CheckOk(network.status());
  std::vector<float> probabilities(size_t{samples} * spec.classes());
  CheckOk((*network)->Probabilities(block.inputs, samples, absl::MakeSpan(probabilities)));
  std::cout << trainer->NumericEnvironment() << "\n"
            << DigestOf(state->parameters) << "\n"
            << DigestOf(probabilities) << "\n"
            << samples / fastest << "\n";
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string numerics = argv[1];
  if (numerics == "portable") expunge::CheckOk(expunge::PinKernels(argv));
  if (numerics != "native") expunge::CheckOk(expunge::CheckPinnedKernels());
  expunge::Probe(expunge::Spec(argv[2]), static_cast<uint32_t>(std::atoi(argv[3])), std::atoi(argv[4]));
}
