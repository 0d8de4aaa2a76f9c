#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/spec.h"
#include "tests/model/specs.h"

namespace expunge {
namespace {

// Counts weights and biases one by one, as a network that is applied to an input would have them.
struct CountingNetwork {
  std::vector<int64_t> shape;  // of what flows: {width} or {planes, height, width}
  int64_t parameters = 0;

  void Linear(int64_t out) {
    int64_t in = 1;
    for (int64_t size : shape) in *= size;
    for (int64_t neuron = 0; neuron < out; ++neuron) parameters += in + 1;
    shape = {out};
  }
  void Convolve(int64_t out) {
    for (int64_t plane = 0; plane < out; ++plane) parameters += shape[0] * 5 * 5 + 1;
    shape[0] = out;
  }
  void Pool() {
    shape[1] /= 2;
    shape[2] /= 2;
  }
};

TEST(ParameterCountTest, KnownNetworks) {
  EXPECT_EQ(ParameterCount(SoftmaxSpec()), 10);   // 4 x 2 + 2
  EXPECT_EQ(ParameterCount(MlpSpec()), 101'770);  // 784-128-10
  EXPECT_EQ(ParameterCount(CnnSpec()), 456 + 2416 + 123'000 + 1210);
}

TEST(ParameterCountTest, EqualsCountingLayerByLayer) {
  std::mt19937_64 random(2);
  const auto from = [&random](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  for (int round = 0; round < 1000; ++round) {
    ModelSpec spec;
    spec.labels.resize(from(2, 20));
    CountingNetwork network;
    if (round % 2 == 0) {
      spec.input.shape.resize(from(1, 4));
      for (int64_t& size : spec.input.shape) size = from(1, 9);
      network.shape = spec.input.shape;
      Mlp mlp;
      for (int64_t layers = from(0, 4); layers > 0; --layers) {
        mlp.hidden_sizes.push_back(from(1, 40));
        network.Linear(mlp.hidden_sizes.back());
      }
      if (mlp.hidden_sizes.empty()) {
        spec.architecture = SoftmaxRegression{};
      } else {
        spec.architecture = mlp;
      }
    } else {
      spec.input.shape = {from(4, 33), from(4, 33)};
      if (round % 4 == 1) spec.input.shape.insert(spec.input.shape.begin(), from(1, 5));
      network.shape = spec.input.shape;
      if (network.shape.size() == 2) network.shape.insert(network.shape.begin(), 1);
      const Cnn cnn = {.channels = {from(1, 9), from(1, 9)}, .hidden_size = from(1, 30)};
      for (int64_t channels : cnn.channels) {
        network.Convolve(channels);
        network.Pool();
      }
      network.Linear(cnn.hidden_size);
      spec.architecture = cnn;
    }
    network.Linear(spec.classes());
    ASSERT_EQ(ParameterCount(spec), network.parameters) << "round " << round;
  }
}

TEST(InputSpecTest, SizesFollowShapeAndType) {
  InputSpec input = {.shape = {3, 4, 5}, .dtype = DType::kUint8};
  EXPECT_EQ(input.Elements(), 60);
  EXPECT_EQ(input.SampleBytes(), 60u);
  input.dtype = DType::kFloat32;
  EXPECT_EQ(input.SampleBytes(), 240u);
  EXPECT_EQ(SizeOf(DType::kUint8), 1u);
  EXPECT_EQ(SizeOf(DType::kFloat32), 4u);
}

}  // namespace
}  // namespace expunge
