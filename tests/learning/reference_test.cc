// The trainer beside an independent implementation: torch::nn's modules and torch::optim's optimizers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstring>

#include "learning/torch_trainer.h"
#include "tests/learning/fixtures.h"

namespace expunge {
namespace {

torch::nn::Sequential ReferenceModule(const ModelSpec& spec) {
  torch::nn::Sequential module;
  int64_t inputs = spec.input.Elements();
  const auto add_hidden = [&](int64_t outputs) {
    module->push_back(torch::nn::Linear(inputs, outputs));
    module->push_back(torch::nn::ReLU());
    inputs = outputs;
  };
  if (const auto* mlp = std::get_if<Mlp>(&spec.architecture)) {
    for (const int64_t hidden : mlp->hidden_sizes) add_hidden(hidden);
  } else if (const auto* cnn = std::get_if<Cnn>(&spec.architecture)) {
    std::vector<int64_t> shape = spec.input.shape;
    if (shape.size() == 2) shape.insert(shape.begin(), 1);
    module->push_back(torch::nn::Unflatten(torch::nn::UnflattenOptions(1, shape)));
    int64_t channels = shape[0];
    for (const int64_t outputs : cnn->channels) {
      module->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, outputs, 5).padding(2)));
      module->push_back(torch::nn::ReLU());
      module->push_back(torch::nn::MaxPool2d(2));
      channels = outputs;
    }
    module->push_back(torch::nn::Flatten());
    inputs = channels * (shape[1] / 4) * (shape[2] / 4);
    add_hidden(cnn->hidden_size);
  }
  module->push_back(torch::nn::Linear(inputs, spec.classes()));
  return module;
}

std::unique_ptr<torch::optim::Optimizer> ReferenceOptimizer(const Optimizer& optimizer,
                                                            std::vector<torch::Tensor> parameters) {
  if (const auto* adam = std::get_if<Adam>(&optimizer)) {
    return std::make_unique<torch::optim::Adam>(std::move(parameters), torch::optim::AdamOptions(adam->learning_rate)
                                                                           .betas({adam->beta1, adam->beta2})
                                                                           .eps(adam->epsilon)
                                                                           .weight_decay(adam->weight_decay));
  }
  const Sgd& sgd = std::get<Sgd>(optimizer);
  return std::make_unique<torch::optim::SGD>(
      std::move(parameters),
      torch::optim::SGDOptions(sgd.learning_rate).momentum(sgd.momentum).weight_decay(sgd.weight_decay));
}

torch::Tensor Flattened(const torch::nn::Sequential& module) {
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& parameter : module->parameters()) flat.push_back(parameter.detach().flatten());
  return torch::cat(flat);
}

torch::Tensor ReferenceTraining(const ModelSpec& spec, const SampleBlock& block, const Epochs& epochs,
                                const std::vector<float>& initial) {
  torch::nn::Sequential module = ReferenceModule(spec);
  {
    const torch::NoGradGuard no_gradient;
    size_t next = 0;
    for (torch::Tensor& parameter : module->parameters()) {
      std::memcpy(parameter.data_ptr<float>(), initial.data() + next, parameter.numel() * sizeof(float));
      next += parameter.numel();
    }
    EXPECT_EQ(next, initial.size());
  }
  const auto optimizer = ReferenceOptimizer(spec.training.optimizer, module->parameters());
  const auto count = static_cast<int64_t>(block.count);
  torch::Tensor inputs = torch::tensor(block.inputs).view({count, spec.input.Elements()}).to(torch::kFloat);
  inputs = (inputs - spec.input.mean[0]) / spec.input.stddev[0];
  const torch::Tensor labels = torch::tensor(std::vector<int64_t>(block.labels.begin(), block.labels.end()));
  for (const std::vector<uint32_t>& epoch : epochs) {
    const torch::Tensor order = torch::tensor(std::vector<int64_t>(epoch.begin(), epoch.end()));
    for (const torch::Tensor& batch : order.split(spec.training.batch_size)) {
      optimizer->zero_grad();
      torch::nn::functional::cross_entropy(module->forward(inputs.index({batch})), labels.index({batch})).backward();
      optimizer->step();
    }
  }
  return Flattened(module);
}

TEST(ReferenceTest, TrainingAgreesWithTorchsModulesAndOptimizers) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  for (const ModelSpec& spec : VariousSpecs()) {
    const SampleBlock block = RandomBlock(spec, 45);
    const Epochs epochs = ShuffledEpochs(45, 3);
    TrainingState state = Initialized(*trainer, spec);
    const torch::Tensor expected = ReferenceTraining(spec, block, epochs, state.parameters);
    const torch::Tensor initial = torch::tensor(state.parameters);
    ASSERT_TRUE(Train(*trainer, spec, block, epochs, &state).ok());
    const torch::Tensor actual = torch::tensor(state.parameters);
    EXPECT_FALSE(torch::allclose(actual, initial, /*rtol=*/1e-3, /*atol=*/1e-3));
    EXPECT_TRUE(torch::allclose(actual, expected, /*rtol=*/1e-4, /*atol=*/1e-5))
        << (actual - expected).abs().max().item<float>();
  }
}

class GlobalGeneratorTest : public ::testing::Test {
 protected:
  static torch::Tensor GlobalState() { return at::globalContext().defaultGenerator(at::kCPU).get_state(); }

  // Everything that the trainer does, once.
  static std::vector<float> RunEverything(const ModelSpec& spec) {
    const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
    const SampleBlock block = RandomBlock(spec, 20);
    TrainingState state = Initialized(*trainer, spec);
    EXPECT_TRUE(Train(*trainer, spec, block, ShuffledEpochs(20, 2), &state).ok());
    const auto network = trainer->BuildNetwork(spec, state.parameters).value();
    std::vector<float> results = ProbabilitiesOf(*network, spec, block.inputs);
    results.insert(results.end(), state.parameters.begin(), state.parameters.end());
    return results;
  }
};

TEST_F(GlobalGeneratorTest, IsLeftAlone) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const torch::Tensor before = GlobalState();
    RunEverything(spec);
    EXPECT_TRUE(torch::equal(before, GlobalState()));
  }
}

TEST_F(GlobalGeneratorTest, DoesNotInfluenceResults) {
  for (const ModelSpec& spec : VariousSpecs()) {
    torch::manual_seed(1);
    const std::vector<float> first = RunEverything(spec);
    torch::manual_seed(2);
    torch::rand({5});
    EXPECT_EQ(RunEverything(spec), first);
  }
}

}  // namespace
}  // namespace expunge
