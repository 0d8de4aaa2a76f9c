#include "tests/bench/bench_server.h"

#include <algorithm>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "client/uuid.h"
#include "tests/bench/bench_main.h"

namespace expunge {
namespace {

constexpr int kClasses = 10;
constexpr int64_t kBatchBytes = int64_t{1} << 20;

int Cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

}  // namespace

BenchServer::BenchServer(const Trainer* trainer, absl::Duration retrain_delay)
    : io_("io", 4), forget_("forget", 2), batcher_({.threads = Cores()}), replay_("replay", 1) {
  engine_ = ValueOf(
      Engine::Open({.data_dir = directory_.path(), .retrain = {.workers = Cores(), .retrain_delay = retrain_delay}},
                   trainer, &SystemClock()));
  CheckOk(engine_->Recover());
  server_ = ValueOf(Server::Start({.listen = "127.0.0.1:0"}, {.engine = engine_.get(),
                                                              .clock = &SystemClock(),
                                                              .io = &io_,
                                                              .forget = &forget_,
                                                              .batcher = &batcher_,
                                                              .replay = &replay_,
                                                              .admin = &replay_}));
  client_ = std::make_unique<Client>(Client::Options{.address = absl::StrCat("127.0.0.1:", server_->port())});
}

v1::Model CheapModel(const std::string& name, int64_t input_bytes, int shards) {
  v1::Model model;
  model.set_name(absl::StrCat("models/", name));
  model.mutable_input()->add_shape(input_bytes);
  model.mutable_input()->set_dtype(v1::UINT8);
  model.mutable_input()->add_mean(127.5f);
  model.mutable_input()->add_stddev(127.5f);
  for (int i = 0; i < kClasses; ++i) model.add_labels(absl::StrCat("class-", i));
  model.mutable_architecture()->mutable_softmax_regression();
  model.mutable_training()->set_epochs(1);
  model.mutable_training()->set_batch_size(256);
  model.mutable_training()->mutable_sgd()->set_learning_rate(0.001);
  model.mutable_sisa()->set_shards(shards);
  model.mutable_sisa()->set_slices(8);
  return model;
}

std::string SubjectName(int64_t index) { return absl::StrCat("person-", absl::Dec(index, absl::kZeroPad6)); }

std::vector<v1::SampleBatch> RandomBatches(int64_t samples, int64_t input_bytes, int samples_per_subject) {
  std::mt19937_64 generator(1);
  const int64_t batch_samples =
      std::max<int64_t>(1, kBatchBytes / input_bytes / samples_per_subject) * samples_per_subject;
  std::vector<v1::SampleBatch> batches;
  for (int64_t first = 0; first < samples; first += batch_samples) {
    v1::SampleBatch& batch = batches.emplace_back();
    const int64_t end = std::min(samples, first + batch_samples);
    for (int64_t i = first; i < end; ++i) {
      v1::SampleDescriptor& sample = *batch.add_samples();
      sample.set_subject_id(SubjectName(i / samples_per_subject));
      sample.set_sample_id(absl::StrCat("sample-", absl::Dec(i, absl::kZeroPad7)));
      sample.set_label(static_cast<uint32_t>(generator() % kClasses));
    }
    std::string& inputs = *batch.mutable_inputs();
    inputs.resize((end - first) * input_bytes);
    std::generate(inputs.begin(), inputs.end(), [&generator] { return static_cast<char>(generator()); });
  }
  return batches;
}

void Create(Client& client, const v1::Model& model) {
  v1::CreateModelRequest request;
  *request.mutable_model() = model;
  CheckOk(client.CreateModel(request).status());
}

void Ingest(Client& client, const std::string& model, const std::vector<v1::SampleBatch>& batches) {
  v1::IngestStart start;
  start.set_model(absl::StrCat("models/", model));
  size_t next = 0;
  CheckOk(client
              .IngestSamples(start,
                             [&](v1::SampleBatch* batch) -> absl::StatusOr<bool> {
                               if (next == batches.size()) return false;
                               *batch = batches[next++];
                               return true;
                             })
              .status());
}

void TrainAndWait(Client& client, const std::string& model) {
  v1::TrainModelRequest train;
  train.set_name(absl::StrCat("models/", model));
  if (ValueOf(client.TrainModel(train)).state() == v1::Model::READY) return;
  v1::WatchModelRequest watch;
  watch.set_name(train.name());
  CheckOk(client.WatchModel(watch, [](const v1::Model& update) { return update.state() != v1::Model::READY; }));
}

v1::Erasure Forget(Client& client, const std::string& subject_id) {
  v1::ForgetRequest request;
  request.set_request_id(RandomUuid());
  request.set_subject_id(subject_id);
  request.set_regulation(v1::GDPR);
  return ValueOf(client.Forget(request));
}

}  // namespace expunge
