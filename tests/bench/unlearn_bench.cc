// What it costs to forget one person, against training everything, on Fashion-MNIST with the demo's model files: CPU
// seconds of the workers, as checkpoints and erasures record them. With R slices of S shards theory says
// S * R (R + 1) / 2 over the mean cost of training slices r .. R: 11.3 at 8 x 8. Beside it the accuracy of the ensemble
// and of a single model, which the same code trains as 1 shard of 1 slice.

#include <benchmark/benchmark.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/sample_batcher.h"
#include "engine/engine.h"
#include "learning/torch_trainer.h"
#include "rpc/conversion.h"
#include "rpc/spec_conversion.h"
#include "serving/predictor.h"
#include "sisa/placement.h"
#include "tests/bench/bench_main.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/waiting.h"

namespace expunge {
namespace {

const char* const kDataset = "/usr/share/datasets/fashion-mnist/";  // of the package dataset-fashion-mnist
constexpr absl::Duration kLimit = absl::Hours(2);                   // only a defect reaches it

v1::Model ReadModelFile(const std::string& name) {
  std::stringstream json;
  json << std::ifstream(std::string(EXPUNGE_MODEL_FILES "/") + name).rdbuf();
  v1::Model model;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json.str(), &model);
  if (!parsed.ok()) CheckOk(absl::InvalidArgumentError(name + ": " + parsed.ToString()));
  return model;
}

std::unique_ptr<IdxDataset> OpenDataset(const std::string& part, const v1::Model& model) {
  return ValueOf(
      IdxDataset::Open(kDataset + part + "-images-idx3-ubyte.gz", kDataset + part + "-labels-idx1-ubyte.gz", model));
}

// One model on an engine of its own, trained on the whole training set by one worker: CPU seconds of workers that share
// a core's caches are not comparable with those of one that has it alone.
class TrainedModel {
 public:
  explicit TrainedModel(const v1::Model& declaration)
      : declaration_(declaration),
        trainer_(CreateTorchTrainer()),
        engine_(ValueOf(Engine::Open({.data_dir = directory_.path()}, trainer_.get(), &SystemClock()))) {
    CheckOk(engine_->Recover());
    model_ = ValueOf(engine_->catalog().Create("m", ValueOf(SpecFromWire(declaration_))));
    SampleBatcher batcher(OpenDataset("train", declaration_), {.samples_per_subject = 10});
    subjects_ = batcher.subjects();
    for (v1::SampleBatch batch; ValueOf(batcher.Next(&batch)); batch.Clear()) {
      CheckOk(engine_->ingestor().Ingest(*model_, SamplesFromWire(batch, spec()), /*new_consent=*/false).status());
    }
    CheckOk(engine_->unlearner().Train(*model_));
    WaitUntilTrained();
  }

  const ModelSpec& spec() const { return model_->spec(); }

  // Spent on the checkpoints that are valid now.
  double TrainingSeconds() {
    double seconds = 0;
    for (uint32_t shard = 0; shard < spec().sisa.shards; ++shard) {
      for (const ShardStatus::Slice& slice : model_->Status(shard).slices) seconds += slice.worker_seconds;
    }
    return seconds;
  }

  // One subject for each slice of a shard, in the order of the slices.
  std::vector<std::string> OneSubjectPerSlice(uint32_t shard) {
    std::map<uint32_t, std::string> found;
    for (int64_t i = 0; i < subjects_ && found.size() < spec().sisa.slices; ++i) {
      std::array<char, 32> name;
      std::snprintf(name.data(), name.size(), "person-%06lld", static_cast<long long>(i));
      const Placement place =
          Place(spec(), engine_->keyring().PseudonymOf(name.data()), ErasureLikelihood::kUnspecified);
      if (place.shard == shard) found.emplace(place.slice, name.data());
    }
    std::vector<std::string> subjects;
    for (const auto& [slice, subject] : found) subjects.push_back(subject);
    return subjects;
  }

  // Until nothing is owed any more. What the worker spent on it.
  double Unlearn(const std::string& subject) {
    ForgetRequest request;
    request.request_id[15] = ++requests_;
    request.subject_id = subject;
    const std::string uuid = ValueOf(engine_->unlearner().Forget(request)).erasure.uuid();
    WaitUntilTrained();
    double seconds = 0;
    const records::Erasure erasure = ValueOf(engine_->ledger().Find(uuid));
    for (const records::Erasure::ShardTask& task : erasure.tasks()) seconds += task.worker_seconds();
    return seconds;
  }

  double TestAccuracy() {
    constexpr size_t kBatch = 1000;
    const std::unique_ptr<IdxDataset> dataset = OpenDataset("t10k", declaration_);
    std::string inputs;
    std::vector<uint8_t> labels;
    double right = 0;
    while (const size_t count = ValueOf(dataset->Read(kBatch, &inputs, &labels))) {
      const uint8_t* const bytes = reinterpret_cast<const uint8_t*>(inputs.data());
      std::vector<const uint8_t*> samples;
      for (size_t i = 0; i < count; ++i) samples.push_back(bytes + i * spec().input.SampleBytes());
      const Prediction prediction = ValueOf(Predict(spec(), model_->ensemble().Current(), samples));
      for (size_t i = 0; i < count; ++i) right += prediction.verdicts[i].label == labels[i];
    }
    return right / static_cast<double>(dataset->count());
  }

 private:
  void WaitUntilTrained() {
    const auto idle = [this] { return IsIdle(*engine_, *model_); };
    if (!WaitUntil(*engine_, *model_, idle, kLimit)) CheckOk(absl::DeadlineExceededError("training does not end"));
  }

  const v1::Model declaration_;
  const TempDir directory_;
  const std::unique_ptr<Trainer> trainer_;
  const std::unique_ptr<Engine> engine_;
  std::shared_ptr<ModelEntry> model_;
  int64_t subjects_ = 0;
  uint8_t requests_ = 0;
};

// Returns the speedup. The time is the mean worker time of an unlearning.
double MeasureUnlearning(benchmark::State& state, const std::string& model_file) {
  const v1::Model declaration = ReadModelFile(model_file);
  TrainedModel model(declaration);
  const double training = model.TrainingSeconds();
  state.counters["ensemble_accuracy"] = model.TestAccuracy();
  const std::vector<std::string> subjects = model.OneSubjectPerSlice(/*shard=*/0);
  Series unlearning;
  for (auto _ : state) {
    for (const std::string& subject : subjects) unlearning.Add(model.Unlearn(subject));
    state.SetIterationTime(unlearning.Mean());
  }
  state.counters["accuracy_after"] = model.TestAccuracy();
  state.counters["training_worker_s"] = training;
  state.counters["unlearning_worker_s"] = unlearning.Mean();

  v1::Model undivided = declaration;
  undivided.mutable_sisa()->set_shards(1);
  undivided.mutable_sisa()->set_slices(1);
  TrainedModel single(undivided);
  state.counters["single_accuracy"] = single.TestAccuracy();
  state.counters["single_worker_s"] = single.TrainingSeconds();
  return training / unlearning.Mean();
}

void BM_UnlearnMlp(benchmark::State& state) {
  ReportRatio("unlearn_speedup", MeasureUnlearning(state, "fashion-mnist.json"));
}

void BM_UnlearnCnnLong(benchmark::State& state) {
  ReportRatio("unlearn_speedup_cnn", MeasureUnlearning(state, "fashion-mnist-cnn.json"));
}

BENCHMARK(BM_UnlearnMlp)->UseManualTime()->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(BM_UnlearnCnnLong)->UseManualTime()->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace expunge
