#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/digest.h"
#include "gtest/gtest.h"
#include "model/spec.h"
#include "tests/model/specs.h"

namespace expunge {
namespace {

TEST(CanonicalBytesTest, EqualsTheGoldenFile) {
  std::ifstream file(EXPUNGE_TEST_DATA "/spec_canonical_v1.hex");
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  std::string lines;
  for (const ModelSpec& spec : {SoftmaxSpec(), MlpSpec(), CnnSpec()}) lines += ToHex(CanonicalBytes(spec)) + "\n";
  EXPECT_EQ(lines, golden);
}

TEST(CanonicalBytesTest, LeavesOutWhatNoParameterDependsOn) {
  ModelSpec other = MlpSpec();
  other.labels[3] = "renamed";
  other.sisa.aggregation = Aggregation::kMajorityVote;
  EXPECT_EQ(CanonicalBytes(other), CanonicalBytes(MlpSpec()));
}

// Changes of every other field, among them pairs that an encoding without lengths or tags would confuse.
std::vector<std::function<void(ModelSpec&)>> Changes() {
  return {
      [](auto&) {},
      [](auto& s) { s.input.shape = {784}; },
      [](auto& s) {
        s.input.shape = {28, 28, 1};
      },
      [](auto& s) {
        s.input.shape = {1, 28, 28};
      },
      [](auto& s) { s.input.dtype = DType::kFloat32; },
      [](auto& s) { s.input.mean = {72.0f}; },
      [](auto& s) { s.input.mean.assign(28, 72.9f); },
      [](auto& s) { s.input.stddev = {72.9f}; },
      [](auto& s) { std::swap(s.input.mean, s.input.stddev); },
      [](auto& s) { s.labels.pop_back(); },
      [](auto& s) { s.architecture = SoftmaxRegression{}; },
      [](auto& s) { s.architecture = Mlp{{64}}; },
      [](auto& s) {
        s.architecture = Mlp{{128, 64}};
      },
      [](auto& s) {
        s.architecture = Mlp{{64, 128}};
      },
      [](auto& s) {
        s.architecture = Mlp{{128, 64, 32}};
      },
      [](auto& s) {
        s.architecture = Cnn{{128, 64}, 32};
      },
      [](auto& s) {
        s.architecture = Cnn{{64, 128}, 32};
      },
      [](auto& s) {
        s.architecture = Cnn{{128, 64}, 33};
      },
      [](auto& s) { s.training.epochs = 19; },
      [](auto& s) { s.training.batch_size = 33; },
      [](auto& s) { std::swap(s.training.epochs, s.training.batch_size); },
      [](auto& s) { s.training.seed = 43; },
      [](auto& s) { s.training.seed = uint64_t{42} << 32; },
      [](auto& s) {
        s.training.optimizer = Sgd{0.06, 0.9, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Sgd{0.05, 0.8, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Sgd{0.05, 0.9, 1e-4};
      },
      [](auto& s) { s.training.optimizer = Adam{}; },
      [](auto& s) {
        s.training.optimizer = Adam{0.05, 0.9, 0.999, 1e-8, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Adam{0.001, 0.8, 0.999, 1e-8, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Adam{0.001, 0.9, 0.99, 1e-8, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Adam{0.001, 0.9, 0.999, 1e-7, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Adam{0.001, 0.9, 0.999, 1e-8, 1e-4};
      },
      [](auto& s) { s.sisa.shards = 9; },
      [](auto& s) { s.sisa.slices = 9; },
  };
}

TEST(CanonicalBytesTest, EveryOtherChangeShows) {
  const auto changes = Changes();
  std::map<std::string, size_t> seen;
  for (size_t i = 0; i < changes.size(); ++i) {
    ModelSpec spec = MlpSpec();
    changes[i](spec);
    const auto [earlier, added] = seen.emplace(CanonicalBytes(spec), i);
    EXPECT_TRUE(added) << "changes " << earlier->second << " and " << i << " give the same bytes";
  }
}

TEST(CanonicalBytesTest, EqualExactlyForSpecsThatTrainTheSame) {
  std::mt19937_64 random(3);
  const auto list = [&random]<typename T>(std::vector<T>* values) {
    values->resize(1 + random() % 2);
    for (T& value : *values) value = static_cast<T>(1 + random() % 2);
  };
  const auto draw = [&] {  // from so few values that equal pairs are frequent
    ModelSpec spec;
    list(&spec.input.shape);
    list(&spec.input.mean);
    spec.labels.resize(2 + random() % 2);
    if (random() % 2 == 0) {
      Mlp mlp;
      list(&mlp.hidden_sizes);
      spec.architecture = mlp;
    } else {
      spec.architecture = Cnn{{1, 2}, static_cast<int64_t>(1 + random() % 2)};
    }
    if (random() % 2 == 0) spec.training.optimizer = Adam{};
    return spec;
  };
  int equal = 0;
  for (int round = 0; round < 20'000; ++round) {
    const ModelSpec a = draw();
    const ModelSpec b = draw();
    equal += a == b;
    ASSERT_EQ(CanonicalBytes(a) == CanonicalBytes(b), a == b) << "round " << round;
  }
  EXPECT_GT(equal, 20);
}

}  // namespace
}  // namespace expunge
