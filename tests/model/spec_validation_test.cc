#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/spec.h"
#include "tests/model/specs.h"

namespace expunge {
namespace {

using ::testing::HasSubstr;

constexpr float kNanF = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfF = std::numeric_limits<float>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

using Change = std::function<void(ModelSpec&)>;

struct Refusal {
  std::string field;
  std::string problem;
  Change change;
};

Sgd& SgdOf(ModelSpec& spec) { return spec.training.optimizer.emplace<Sgd>(); }
Adam& AdamOf(ModelSpec& spec) { return spec.training.optimizer.emplace<Adam>(); }

std::vector<std::string> NumberedLabels(size_t count) {
  std::vector<std::string> labels(count);
  for (size_t i = 0; i < count; ++i) labels[i] = std::to_string(i);
  return labels;
}

// Every change makes MlpSpec() invalid.
std::vector<Refusal> Refusals() {
  std::vector<Refusal> all;
  const auto add = [&all](const char* field, const char* problem, Change change) {
    all.push_back({field, problem, std::move(change)});
  };
  add("input.shape", "must have from 1 to 8 entries, has 0", [](auto& s) { s.input.shape = {}; });
  add("input.shape", "must have from 1 to 8 entries, has 9", [](auto& s) { s.input.shape.assign(9, 1); });
  add("input.shape", "must have entries from 1 to 4194304, entry 1 is 0", [](auto& s) { s.input.shape = {28, 0}; });
  add("input.shape", "must have entries from 1 to 4194304, entry 0 is -1", [](auto& s) { s.input.shape = {-1}; });
  add("input.shape", "entry 0 is 4194305", [](auto& s) { s.input.shape = {kMaxInputElements + 1}; });
  add("input.shape", "entry 2 is 9223372036854775807", [](auto& s) { s.input.shape = {2, 2, kHuge}; });
  add("input.shape", "must have at most 4194304 elements", [](auto& s) { s.input.shape = {kMaxInputElements, 2}; });
  add("input.shape", "must have at most 4194304 elements", [](auto& s) { s.input.shape.assign(8, kMaxInputElements); });
  // 2^64 elements in all: a product that wrapped round would be 0.
  add("input.shape", "must have at most 4194304 elements", [](auto& s) { s.input.shape.assign(8, 256); });
  add("input.dtype", "must be UINT8 or FLOAT32, is number 0", [](auto& s) { s.input.dtype = static_cast<DType>(0); });
  add("input.dtype", "must be UINT8 or FLOAT32, is number 3", [](auto& s) { s.input.dtype = static_cast<DType>(3); });
  add("input.mean", "must have 1 entry or 28", [](auto& s) { s.input.mean = {}; });
  add("input.mean", "has 27", [](auto& s) { s.input.mean.assign(27, 0.0f); });
  add("input.mean", "must be finite, entry 0 is nan", [](auto& s) { s.input.mean = {kNanF}; });
  add("input.mean", "must be finite, entry 27", [](auto& s) {
    s.input.mean.assign(28, 0.0f);
    s.input.mean[27] = -kInfF;
  });
  add("input.stddev", "must have 1 entry or 28", [](auto& s) { s.input.stddev = {}; });
  add("input.stddev", "has 784", [](auto& s) { s.input.stddev.assign(784, 1.0f); });
  add("input.stddev", "must be greater than 0, entry 0 is 0", [](auto& s) { s.input.stddev = {0.0f}; });
  add("input.stddev", "must be greater than 0", [](auto& s) { s.input.stddev = {-0.0f}; });
  add("input.stddev", "must be greater than 0, entry 0 is -1", [](auto& s) { s.input.stddev = {-1.0f}; });
  add("input.stddev", "must be finite", [](auto& s) { s.input.stddev = {kNanF}; });
  add("input.stddev", "must be finite", [](auto& s) { s.input.stddev = {kInfF}; });
  add("labels", "must have from 2 to 10000 entries, has 0", [](auto& s) { s.labels = {}; });
  add("labels", "has 1", [](auto& s) { s.labels = {"only"}; });
  add("labels", "has 10001", [](auto& s) { s.labels = NumberedLabels(10'001); });
  add("labels", "must have entries of 1 to 256 bytes, entry 1 has 0", [](auto& s) { s.labels = {"a", ""}; });
  add("labels", "entry 0 has 257", [](auto& s) { s.labels = {std::string(257, 'x'), "b"}; });
  add("labels", "must be unique, entry 2 repeats", [](auto& s) { s.labels = {"a", "b", "a"}; });
  add("architecture.mlp.hidden_sizes", "must have from 1 to 16 entries, has 0",
      [](auto& s) { s.architecture = Mlp{}; });
  add("architecture.mlp.hidden_sizes", "has 17", [](auto& s) { s.architecture = Mlp{std::vector<int64_t>(17, 1)}; });
  add("architecture.mlp.hidden_sizes", "must have entries from 1 to 65536, entry 1 is 0", [](auto& s) {
    s.architecture = Mlp{{8, 0}};
  });
  add("architecture.mlp.hidden_sizes", "entry 0 is -8", [](auto& s) { s.architecture = Mlp{{-8}}; });
  add("architecture.mlp.hidden_sizes", "entry 0 is 65537", [](auto& s) { s.architecture = Mlp{{65'537}}; });
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{784}, {1, 1, 28, 28}, {3, 28}, {28, 3}, {28, 3, 28}, {28, 28, 3}}) {
    add("architecture.cnn", "must have an input.shape of [H, W] or [C, H, W] with H and W at least 4",
        [shape](auto& s) {
          s.architecture = Cnn{};
          s.input.shape = shape;
        });
  }
  add("architecture.cnn.channels", "must have exactly 2 entries, has 1", [](auto& s) {
    s.architecture = Cnn{{8}, 64};
  });
  add("architecture.cnn.channels", "has 3", [](auto& s) { s.architecture = Cnn{{8, 8, 8}, 64}; });
  add("architecture.cnn.channels", "entry 1 is 0", [](auto& s) { s.architecture = Cnn{{8, 0}, 64}; });
  add("architecture.cnn.channels", "entry 0 is 65537", [](auto& s) { s.architecture = Cnn{{65'537, 8}, 64}; });
  add("architecture.cnn.hidden_size", "must be from 1 to 65536, is 0", [](auto& s) {
    s.architecture = Cnn{{8, 8}, 0};
  });
  add("architecture.cnn.hidden_size", "is 65537", [](auto& s) { s.architecture = Cnn{{8, 8}, 65'537}; });
  add("architecture", "must have at most 134217728 parameters, has 4347133962", [](auto& s) {
    s.architecture = Mlp{{65'536, 65'536}};
  });
  add("architecture", "must have at most 134217728 parameters", [](auto& s) {  // the largest that the fields can say
    s.input.shape = {kMaxInputElements};
    s.labels = NumberedLabels(kMaxClasses);
    s.architecture = Mlp{std::vector<int64_t>(kMaxHiddenLayers, kMaxLayerSize)};
  });
  add("architecture", "must have at most 134217728 parameters", [](auto& s) {
    s.input.shape = {2048, 2048};
    s.architecture = Cnn{{kMaxLayerSize, kMaxLayerSize}, kMaxLayerSize};
  });
  add("training.epochs", "must be from 1 to 10000, is 0", [](auto& s) { s.training.epochs = 0; });
  add("training.epochs", "is 10001", [](auto& s) { s.training.epochs = 10'001; });
  add("training.batch_size", "must be from 1 to 65536, is 0", [](auto& s) { s.training.batch_size = 0; });
  add("training.batch_size", "is 65537", [](auto& s) { s.training.batch_size = 65'537; });
  for (double bad : {0.0, -0.1, 1000.1, kInf, -kInf, kNan}) {
    const char* problem = "must be greater than 0 and at most 1000";
    add("training.sgd.learning_rate", problem, [bad](auto& s) { SgdOf(s).learning_rate = bad; });
    add("training.adam.learning_rate", problem, [bad](auto& s) { AdamOf(s).learning_rate = bad; });
  }
  for (double bad : {-0.1, 1.0, 2.0, kInf, -kInf, kNan}) {
    const char* problem = "must be from 0 to less than 1";
    add("training.sgd.momentum", problem, [bad](auto& s) { SgdOf(s).momentum = bad; });
    add("training.adam.beta1", problem, [bad](auto& s) { AdamOf(s).beta1 = bad; });
    add("training.adam.beta2", problem, [bad](auto& s) { AdamOf(s).beta2 = bad; });
  }
  for (double bad : {-1e-9, 1000.1, kInf, -kInf, kNan}) {
    const char* problem = "must be from 0 to 1000";
    add("training.sgd.weight_decay", problem, [bad](auto& s) { SgdOf(s).weight_decay = bad; });
    add("training.adam.weight_decay", problem, [bad](auto& s) { AdamOf(s).weight_decay = bad; });
  }
  for (double bad : {0.0, 1e-31, -1e-8, 1.1, kInf, kNan}) {
    add("training.adam.epsilon", "must be from 1e-30 to 1", [bad](auto& s) { AdamOf(s).epsilon = bad; });
  }
  add("sisa.shards", "must be from 1 to 1024, is 0", [](auto& s) { s.sisa.shards = 0; });
  add("sisa.shards", "is 1025", [](auto& s) { s.sisa.shards = 1025; });
  add("sisa.slices", "must be from 1 to 256, is 0", [](auto& s) { s.sisa.slices = 0; });
  add("sisa.slices", "is 257", [](auto& s) { s.sisa.slices = 257; });
  add("sisa.aggregation", "must be MEAN_PROBABILITY or MAJORITY_VOTE, is number 0",
      [](auto& s) { s.sisa.aggregation = static_cast<Aggregation>(0); });
  return all;
}

TEST(ValidateSpecTest, RefusesBadFieldsByNameAndBound) {
  for (const Refusal& refusal : Refusals()) {
    SCOPED_TRACE(refusal.field + " " + refusal.problem);
    ModelSpec spec = MlpSpec();
    refusal.change(spec);
    const absl::Status status = ValidateSpec(spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
    EXPECT_EQ(FieldOf(status), refusal.field);
    EXPECT_THAT(std::string(status.message()), HasSubstr(refusal.problem));
  }
}

// Every change leaves MlpSpec() valid.
std::vector<Change> BoundaryValues() {
  return {
      [](auto& s) { s.input.shape = {1}; },
      [](auto& s) { s.input.shape.assign(8, 1); },
      [](auto& s) {
        s.input.shape = {kMaxInputElements};
        s.architecture = SoftmaxRegression{};
      },
      [](auto& s) { s.input.dtype = DType::kFloat32; },
      [](auto& s) { s.input.mean.assign(28, std::numeric_limits<float>::lowest()); },
      [](auto& s) { s.input.stddev.assign(28, std::numeric_limits<float>::denorm_min()); },
      [](auto& s) { s.input.stddev = {std::numeric_limits<float>::max()}; },
      [](auto& s) {
        s.labels = {"a", "b"};
      },
      [](auto& s) { s.labels = NumberedLabels(kMaxClasses); },
      [](auto& s) {
        s.labels = {std::string(kMaxLabelBytes, 'x'), "\xff"};
      },
      [](auto& s) { s.architecture = SoftmaxRegression{}; },
      [](auto& s) { s.architecture = Mlp{std::vector<int64_t>(kMaxHiddenLayers, 1)}; },
      [](auto& s) { s.architecture = Mlp{{kMaxLayerSize}}; },
      [](auto& s) { s.architecture = Cnn{}; },
      [](auto& s) {
        s.input.shape = {4, 4};
        s.architecture = Cnn{{1, 1}, 1};
      },
      [](auto& s) {
        s.input.shape = {1, 4, 5};
        s.architecture = Cnn{{1, 1}, kMaxLayerSize};
      },
      [](auto& s) { s.training.epochs = 1; },
      [](auto& s) { s.training.epochs = kMaxEpochs; },
      [](auto& s) { s.training.batch_size = 1; },
      [](auto& s) { s.training.batch_size = kMaxBatchSize; },
      [](auto& s) { s.training.seed = std::numeric_limits<uint64_t>::max(); },
      [](auto& s) {
        s.training.optimizer = Sgd{1000.0, 0.0, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Sgd{1e-12, 0.999999, 1000.0};
      },
      [](auto& s) {
        s.training.optimizer = Adam{1000.0, 0.0, 0.0, 1.0, 0.0};
      },
      [](auto& s) {
        s.training.optimizer = Adam{1e-12, 0.999999, 0.999999, 1e-30, 1000.0};
      },
      [](auto& s) { s.sisa = {.shards = 1, .slices = 1}; },
      [](auto& s) { s.sisa = {.shards = kMaxShards, .slices = kMaxSlices, .aggregation = Aggregation::kMajorityVote}; },
  };
}

TEST(ValidateSpecTest, AcceptsBoundaryValues) {
  const auto changes = BoundaryValues();
  for (size_t i = 0; i < changes.size(); ++i) {
    ModelSpec spec = MlpSpec();
    changes[i](spec);
    EXPECT_TRUE(ValidateSpec(spec).ok()) << "change " << i << ": " << ValidateSpec(spec).message();
  }
}

TEST(ValidateSpecTest, AcceptsTheExamples) {
  EXPECT_TRUE(ValidateSpec(SoftmaxSpec()).ok()) << ValidateSpec(SoftmaxSpec()).message();
  EXPECT_TRUE(ValidateSpec(MlpSpec()).ok()) << ValidateSpec(MlpSpec()).message();
  EXPECT_TRUE(ValidateSpec(CnnSpec()).ok()) << ValidateSpec(CnnSpec()).message();
}

TEST(ValidateSpecTest, ParametersAreBoundedExactly) {
  ModelSpec spec = SoftmaxSpec();  // inputs x classes weights and as many biases as classes
  spec.labels = NumberedLabels(4096);
  spec.input.shape = {32'767};
  EXPECT_EQ(ParameterCount(spec), kMaxParameters);
  EXPECT_TRUE(ValidateSpec(spec).ok());
  spec.input.shape = {32'768};
  EXPECT_EQ(FieldOf(ValidateSpec(spec)), "architecture");
}

TEST(ValidateSpecTest, NeverRepeatsALabelsText) {
  ModelSpec spec = MlpSpec();
  spec.labels = {"secret", "secret"};
  EXPECT_THAT(std::string(ValidateSpec(spec).message()), ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace expunge
