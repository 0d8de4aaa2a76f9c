#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "base/error.h"
#include "learning/torch_trainer.h"
#include "tests/learning/fixtures.h"

namespace expunge {
namespace {

class TrainerTest : public ::testing::Test {
 protected:
  const std::unique_ptr<Trainer> trainer_ = CreateTorchTrainer();
};

TEST_F(TrainerTest, InitialStateHasNoStepsAndZeroMoments) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const TrainingState state = Initialized(*trainer_, spec);
    const size_t moments = std::holds_alternative<Adam>(spec.training.optimizer) ? 2 : 1;
    EXPECT_EQ(state.parameters.size(), static_cast<size_t>(ParameterCount(spec)));
    EXPECT_EQ(state.optimizer, std::vector<float>(moments * state.parameters.size(), 0.0f));
    EXPECT_EQ(state.steps, 0u);
  }
}

TEST_F(TrainerTest, SameArgumentsGiveTheSameBitsInAnyNumberOfThreads) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const SampleBlock block = RandomBlock(spec, 61);
    const Epochs epochs = ShuffledEpochs(61, 3);
    TrainingState alone = Initialized(*trainer_, spec);
    ASSERT_TRUE(Train(*trainer_, spec, block, epochs, &alone).ok());

    std::vector<TrainingState> states(6);
    std::vector<std::thread> workers;
    for (TrainingState& state : states) {
      workers.emplace_back([&, this] {
        state = Initialized(*trainer_, spec);
        if (!Train(*trainer_, spec, block, epochs, &state).ok()) state = TrainingState();
      });
    }
    for (std::thread& worker : workers) worker.join();
    for (const TrainingState& state : states) EXPECT_TRUE(state == alone);
  }
}

TEST_F(TrainerTest, TrainingInTwoCallsGivesTheBitsOfOne) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const SampleBlock block = RandomBlock(spec, 61);
    const Epochs epochs = ShuffledEpochs(61, 5);
    TrainingState whole = Initialized(*trainer_, spec);
    TrainingState resumed = whole;
    ASSERT_TRUE(Train(*trainer_, spec, block, epochs, &whole).ok());
    ASSERT_TRUE(Train(*trainer_, spec, block, {epochs.begin(), epochs.begin() + 2}, &resumed).ok());
    const TrainingState checkpoint = resumed;
    TrainingState restored = checkpoint;
    ASSERT_TRUE(Train(*trainer_, spec, block, {epochs.begin() + 2, epochs.end()}, &restored).ok());
    EXPECT_TRUE(restored == whole);
    EXPECT_EQ(whole.steps, 5u * 8u);  // 61 samples are 7 batches of 8 and one of 5

    restored = checkpoint;
    std::fill(restored.optimizer.begin(), restored.optimizer.end(), 0.0f);
    ASSERT_TRUE(Train(*trainer_, spec, block, {epochs.begin() + 2, epochs.end()}, &restored).ok());
    const auto* sgd = std::get_if<Sgd>(&spec.training.optimizer);
    const bool has_memory = sgd == nullptr || sgd->momentum != 0.0;
    EXPECT_EQ(restored.parameters != whole.parameters, has_memory);
  }
}

TEST_F(TrainerTest, OnlyTheListedSamplesMatter) {
  const ModelSpec spec = VariousSpecs()[1];
  const SampleBlock block = RandomBlock(spec, 20);
  SampleBlock disturbed = block;
  const size_t sample_bytes = spec.input.SampleBytes();
  std::fill(disturbed.inputs.begin() + 19 * sample_bytes, disturbed.inputs.end(), 0);
  TrainingState first = Initialized(*trainer_, spec);
  TrainingState second = first;
  const Epochs epochs = ShuffledEpochs(19, 2);
  ASSERT_TRUE(Train(*trainer_, spec, block, epochs, &first).ok());
  ASSERT_TRUE(Train(*trainer_, spec, disturbed, epochs, &second).ok());
  EXPECT_TRUE(first == second);
}

TEST_F(TrainerTest, BatchLargerThanTheEpochIsTheWholeEpoch) {
  ModelSpec spec = SpecOf(SoftmaxRegression{}, {100'000});
  const SampleBlock block = RandomBlock(spec, 3);
  TrainingState exact = Initialized(*trainer_, spec);
  TrainingState larger = exact;
  spec.training.batch_size = 3;
  ASSERT_TRUE(Train(*trainer_, spec, block, {{2, 0, 1}}, &exact).ok());
  spec.training.batch_size = kMaxBatchSize;  // would be 26 GB
  ASSERT_TRUE(Train(*trainer_, spec, block, {{2, 0, 1}}, &larger).ok());
  EXPECT_TRUE(larger == exact);
}

TEST_F(TrainerTest, TrainingLearns) {
  ModelSpec spec = SpecOf(Mlp{.hidden_sizes = {16}}, {8});
  SampleBlock block = RandomBlock(spec, 120);
  for (size_t i = 0; i < block.count; ++i) block.labels[i] = block.inputs[i * 8] < 128 ? 0 : 1;
  TrainingState state = Initialized(*trainer_, spec);
  ASSERT_TRUE(Train(*trainer_, spec, block, ShuffledEpochs(120, 40), &state).ok());
  const auto network = trainer_->BuildNetwork(spec, state.parameters).value();
  const std::vector<float> probabilities = ProbabilitiesOf(*network, spec, block.inputs);
  size_t right = 0;
  for (size_t i = 0; i < block.count; ++i) right += probabilities[i * 3 + block.labels[i]] > 0.5f;
  EXPECT_GT(right, 110u);
}

TEST_F(TrainerTest, NothingToTrainOnLeavesTheStateUnchanged) {
  for (const ModelSpec& spec : VariousSpecs()) {
    const TrainingState initial = Initialized(*trainer_, spec);
    TrainingState state = initial;
    EXPECT_TRUE(Train(*trainer_, spec, SampleBlock(), {}, &state).ok());
    EXPECT_TRUE(Train(*trainer_, spec, SampleBlock(), {{}, {}}, &state).ok());
    EXPECT_TRUE(Train(*trainer_, spec, RandomBlock(spec, 4), {}, &state).ok());
    EXPECT_TRUE(state == initial);
  }
}

TEST_F(TrainerTest, StopIsAskedBeforeEachBatch) {
  const ModelSpec spec = VariousSpecs()[1];
  TrainingState state = Initialized(*trainer_, spec);
  int asked = 0;
  const absl::Status status = trainer_->Train(
      spec, RandomBlock(spec, 40), ShuffledEpochs(40, 2), [&] { return ++asked == 4; }, &state);
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(state.steps, 3u);
}

TEST_F(TrainerTest, DivergenceIsAnError) {
  ModelSpec spec = SpecOf(Mlp{.hidden_sizes = {16}}, {8}, Sgd{.learning_rate = 1e30});
  TrainingState state = Initialized(*trainer_, spec);
  const absl::Status status = Train(*trainer_, spec, RandomBlock(spec, 40), ShuffledEpochs(40, 3), &state);
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_EQ(ReasonOf(status), "TRAINING_DIVERGED");
}

TEST_F(TrainerTest, ALossThatIsNotFiniteEndsTrainingBeforeTheNextStep) {
  ModelSpec spec = SpecOf(SoftmaxRegression{}, {2});
  spec.input = {.shape = {2}, .dtype = DType::kFloat32};
  SampleBlock block = RandomBlock(spec, 16);
  const float huge[] = {3e38f, -3e38f};  // two logits further apart than a float can say
  std::memcpy(block.inputs.data() + 8 * spec.input.SampleBytes(), huge, sizeof(huge));
  TrainingState state = Initialized(*trainer_, spec);
  state.parameters = {1, -1, -1, 1, 0, 0, 0, 0, 0};
  Epochs epochs(1);
  for (uint32_t i = 0; i < 16; ++i) epochs[0].push_back(i);
  const absl::Status status = Train(*trainer_, spec, block, epochs, &state);
  EXPECT_EQ(ReasonOf(status), "TRAINING_DIVERGED") << status;
  EXPECT_THAT(status.message(), testing::HasSubstr("the loss"));
  EXPECT_EQ(state.steps, 1u) << "the batch before was sound";
}

TEST_F(TrainerTest, AMomentThatOverflowsIsADivergenceThoughEveryParameterIsFinite) {
  ModelSpec spec = SpecOf(SoftmaxRegression{}, {2}, Adam{.learning_rate = 1e-3});
  spec.input = {.shape = {2}, .dtype = DType::kFloat32};
  SampleBlock block = {.count = 1, .inputs = std::vector<uint8_t>(spec.input.SampleBytes()), .labels = {0}};
  const float large[] = {1e25f, 0.0f};  // its gradient's square overflows, itself it does not
  std::memcpy(block.inputs.data(), large, sizeof(large));
  TrainingState state = Initialized(*trainer_, spec);
  std::fill(state.parameters.begin(), state.parameters.end(), 0.0f);
  const absl::Status status = Train(*trainer_, spec, block, {{0}}, &state);
  EXPECT_EQ(ReasonOf(status), "TRAINING_DIVERGED") << status;
  EXPECT_THAT(status.message(), testing::HasSubstr("the optimizer's state"));
}

TEST_F(TrainerTest, ArgumentsThatDoNotFitTogetherAreRefused) {
  const ModelSpec spec = VariousSpecs()[1];
  const SampleBlock block = RandomBlock(spec, 10);
  const TrainingState initial = Initialized(*trainer_, spec);

  TrainingState state = initial;
  EXPECT_TRUE(absl::IsInternal(Train(*trainer_, spec, block, {{0, 10}}, &state)));

  SampleBlock wrong_label = block;
  wrong_label.labels[3] = spec.classes();
  EXPECT_TRUE(absl::IsInternal(Train(*trainer_, spec, wrong_label, {{0, 1}}, &state)));

  SampleBlock truncated = block;
  truncated.inputs.pop_back();
  EXPECT_TRUE(absl::IsInternal(Train(*trainer_, spec, truncated, {{0, 1}}, &state)));

  state.optimizer.pop_back();
  EXPECT_TRUE(absl::IsInternal(Train(*trainer_, spec, block, {{0, 1}}, &state)));
}

}  // namespace
}  // namespace expunge
