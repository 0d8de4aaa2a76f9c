// Training that diverges for real, with the trainer that the server uses: the loss or a parameter is no number any
// more.

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "gmock/gmock.h"
#include "learning/torch_trainer.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::HasSubstr;

constexpr int kAttempts = 3;

// Counts the trainings that diverged. Thread-safe.
class DivergenceCounter : public ControlledTrainer {
 public:
  using ControlledTrainer::ControlledTrainer;

  int divergences() const { return divergences_; }

  absl::Status Train(const ModelSpec& spec, const SampleBlock& block, absl::Span<const std::vector<uint32_t>> epochs,
                     const std::function<bool()>& stop, TrainingState* state) const override {
    const absl::Status trained = ControlledTrainer::Train(spec, block, epochs, stop, state);
    if (ReasonOf(trained) == "TRAINING_DIVERGED") ++divergences_;
    return trained;
  }

 private:
  mutable std::atomic<int> divergences_ = 0;
};

class DivergingWorkerTest : public EngineTest {
 protected:
  DivergingWorkerTest() : torch_taints_(torch_.get(), OwnerOf, dir_ / "torch taints"), torch_trainer_(&torch_taints_) {
    options_.retrain.max_attempts = kAttempts;
  }
  ~DivergingWorkerTest() override { Close(); }  // before its trainer

  void SetUp() override {
    auto engine = Engine::Open(options_, &torch_trainer_, &clock_);
    ASSERT_THAT(engine, IsOk());
    engine_ = *std::move(engine);
    ASSERT_THAT(engine_->Recover(), IsOk());
  }

  static ModelSpec Spec(uint32_t shards, double learning_rate) {
    ModelSpec spec = SmallSpec(shards, 2);
    spec.input = {.shape = {2}, .dtype = DType::kFloat32};
    spec.training.epochs = 6;
    spec.training.optimizer = Sgd{.learning_rate = learning_rate};
    return spec;
  }

  // The first value names the subject, the second is what there is to learn from.
  static uint32_t OwnerOf(const uint8_t* input) {
    float subject;
    std::memcpy(&subject, input, sizeof(subject));
    return static_cast<uint32_t>(subject * kNames + 0.5f);
  }
  // Both labels for the same input: at least one of them is wrong, and pulls.
  void IngestPair(ModelEntry& model, int subject, float value) {
    const float input[] = {static_cast<float>(subject) / kNames, value};
    const std::string_view bytes(reinterpret_cast<const char*>(input), sizeof(input));
    const std::string name = SubjectName(subject);
    const std::vector<NewSample> samples = {{name, "no", 0, ErasureLikelihood::kUnspecified, bytes},
                                            {name, "yes", 1, ErasureLikelihood::kUnspecified, bytes}};
    ASSERT_THAT(engine_->ingestor().Ingest(model, samples, false), IsOk());
    ASSERT_THAT(engine_->ingestor().Commit(), IsOk());
  }
  // Three subjects in each slice of each shard.
  std::vector<int> EverySlice(const ModelEntry& model) {
    std::vector<int> subjects;
    for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
      for (uint32_t slice = 0; slice < model.spec().sisa.slices; ++slice) {
        for (int nth = 0; nth < 3; ++nth) subjects.push_back(SubjectIn(model, shard, slice, nth));
      }
    }
    return subjects;
  }

  bool WaitForState(ModelEntry& model, const records::Erasure& erasure, records::Erasure::State state) {
    return WaitUntil(*engine_, model, [&] { return Stored(erasure).state() == state; });
  }
  // Lets the time of each next attempt come until the shard is given up; the number of attempts that it took.
  int AttemptsUntilGivenUp(ModelEntry& model, uint32_t shard, const records::Erasure& erasure) {
    const int before = torch_trainer_.divergences();
    int seen = before;
    while (Stored(erasure).state() == records::Erasure::IN_PROGRESS) {
      clock_.Advance(absl::Minutes(2));
      if (!WaitUntil(*engine_, model, [&] {
            return torch_trainer_.divergences() > seen && model.Status(shard).phase != ShardStatus::Phase::kTraining;
          })) {
        ADD_FAILURE() << "no further attempt";
        break;
      }
      seen = torch_trainer_.divergences();
    }
    EXPECT_TRUE(WaitUntil(*engine_, model, [&] { return model.Status(shard).phase == ShardStatus::Phase::kFailed; }));
    return torch_trainer_.divergences() - before;
  }
  bool AnyVoteKnows(const ModelEntry& model, int subject) {
    for (const Constituent& constituent : model.ensemble().Current()->constituents) {
      if (torch_taints_.KnownBy(constituent.parameters_digest).contains(subject)) return true;
    }
    return false;
  }
  ShardStatus Reported(uint32_t shard) {
    const auto report = engine_->auditor().Report();
    EXPECT_THAT(report, IsOk());
    return report->models.front().shards[shard];
  }

  static constexpr float kNames = 1 << 14;
  const std::unique_ptr<Trainer> torch_ = CreateTorchTrainer();
  TaintingTrainer torch_taints_;
  DivergenceCounter torch_trainer_;
};

TEST_F(DivergingWorkerTest, AnErasureBehindAnExtremeSampleStaysOpenSaysWhyAndIsDoneWhenTheSampleIsErased) {
  const auto model = CreateModel("m", Spec(/*shards=*/2, 0.1));
  const std::vector<int> subjects = EverySlice(*model);
  const int leaver = SubjectIn(*model, 0, 0);
  const int poison = SubjectIn(*model, 0, 0, /*nth=*/7);
  for (const int subject : subjects) IngestPair(*model, subject, subject % 2 ? 1.0f : -1.0f);
  TrainAll(*model);
  ASSERT_TRUE(AnyVoteKnows(*model, leaver));
  const Digest other_shard = VoteOf(*model, 1)->parameters_digest;

  IngestPair(*model, poison, 3e38f);  // a finite number: whoever ingests it is not told
  ASSERT_THAT(engine_->unlearner().Train(*model), IsOk());
  ASSERT_TRUE(WaitUntil(*engine_, *model, [&] { return !model->Status(0).problem.empty(); }));
  EXPECT_THAT(model->Status(0).problem, HasSubstr("training diverged"));
  const int divergences = torch_trainer_.divergences();
  const records::Erasure erasure = Forget(leaver);
  EXPECT_FALSE(VoteOf(*model, 0).has_value());
  ASSERT_TRUE(WaitUntil(*engine_, *model, [&] { return Stored(erasure).purged_time_micros() != 0; }));
  EXPECT_EQ(torch_trainer_.divergences(), divergences) << "an attempt waits for its time";
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::IN_PROGRESS);
  EXPECT_EQ(Reported(0).phase, ShardStatus::Phase::kWaiting);
  EXPECT_THAT(Reported(0).problem, HasSubstr("training diverged"));

  EXPECT_EQ(AttemptsUntilGivenUp(*model, 0, erasure), kAttempts - 1);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::FAILED);
  EXPECT_THAT(Stored(erasure).failure(), HasSubstr("training diverged"));
  EXPECT_EQ(Reported(0).phase, ShardStatus::Phase::kFailed);
  EXPECT_THAT(Reported(0).problem, HasSubstr("training diverged"));
  EXPECT_EQ(engine_->auditor().Report()->erasures_by_state[records::Erasure::FAILED], 1u);
  EXPECT_FALSE(VoteOf(*model, 0).has_value()) << "what diverged never votes, and what knew the leaver not again";
  ASSERT_TRUE(VoteOf(*model, 1).has_value());
  EXPECT_EQ(VoteOf(*model, 1)->parameters_digest, other_shard);

  ASSERT_THAT(engine_->unlearner().Retry(erasure.uuid()), IsOk());
  EXPECT_EQ(Stored(erasure).failure(), "");
  EXPECT_EQ(AttemptsUntilGivenUp(*model, 0, erasure), kAttempts) << "the cause is still there";
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::FAILED);
  EXPECT_FALSE(VoteOf(*model, 0).has_value());

  const records::Erasure cause = Forget(poison);
  EXPECT_TRUE(WaitForState(*model, cause, records::Erasure::COMPLETED));
  EXPECT_TRUE(WaitForState(*model, erasure, records::Erasure::COMPLETED));
  EXPECT_EQ(Reported(0).phase, ShardStatus::Phase::kTrained);
  EXPECT_EQ(Reported(0).problem, "");
  EXPECT_FALSE(AnyVoteKnows(*model, leaver));
  EXPECT_FALSE(AnyVoteKnows(*model, poison));
  ASSERT_TRUE(VoteOf(*model, 0).has_value());
  const Digest unlearned = VoteOf(*model, 0)->parameters_digest;
  const auto fresh = CreateModel("fresh", Spec(/*shards=*/2, 0.1));
  for (const int subject : subjects) {
    if (subject != leaver) IngestPair(*fresh, subject, subject % 2 ? 1.0f : -1.0f);
  }
  TrainAll(*fresh);
  EXPECT_EQ(VoteOf(*fresh, 0)->parameters_digest, unlearned);
}

TEST_F(DivergingWorkerTest, AModelThatCannotBeTrainedAtAllFailsItsErasuresUntilItIsDeleted) {
  const auto model = CreateModel("m", Spec(/*shards=*/1, /*learning_rate=*/1000));
  const std::vector<int> subjects = EverySlice(*model);
  for (const int subject : subjects) IngestPair(*model, subject, 1e18f);
  ASSERT_THAT(engine_->unlearner().Train(*model), IsOk());
  ASSERT_TRUE(WaitUntil(*engine_, *model, [&] { return !model->Status(0).problem.empty(); }));
  const records::Erasure erasure = Forget(subjects.front());
  AttemptsUntilGivenUp(*model, 0, erasure);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::FAILED);
  ASSERT_THAT(engine_->unlearner().Retry(erasure.uuid()), IsOk());
  EXPECT_EQ(AttemptsUntilGivenUp(*model, 0, erasure), kAttempts);
  EXPECT_EQ(Stored(erasure).state(), records::Erasure::FAILED);
  EXPECT_TRUE(model->ensemble().Current()->constituents.empty());
  ASSERT_THAT(engine_->unlearner().Delete(*model), IsOk());
  EXPECT_TRUE(WaitForState(*model, erasure, records::Erasure::COMPLETED)) << "nothing is left to be trained";
}

}  // namespace
}  // namespace expunge
