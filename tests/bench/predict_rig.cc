#include "tests/bench/predict_rig.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "client/dataset.h"
#include "client/predict_requests.h"
#include "client/sample_batcher.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"

namespace expunge {
namespace {

const char* const kDataset = "/usr/share/datasets/fashion-mnist/";  // of the package dataset-fashion-mnist
constexpr int kConnections = 4;
constexpr int kInFlight = 64;
constexpr int kInFlightAtRate = 1000;  // the server lets 1024 wait

// Labels of one length, so that replies differ in size by the class index alone.
v1::Model MlpModel(const std::string& name, int shards, int epochs) {
  v1::Model model = CheapModel(name, kImageBytes, shards);
  model.mutable_input()->clear_shape();
  model.mutable_input()->add_shape(28);
  model.mutable_input()->add_shape(28);
  model.mutable_input()->set_mean(0, kMean);
  model.mutable_input()->set_stddev(0, kStddev);
  model.mutable_architecture()->mutable_mlp()->add_hidden_sizes(kHidden);
  model.mutable_training()->set_epochs(static_cast<uint32_t>(epochs));
  model.mutable_training()->set_batch_size(32);
  model.mutable_training()->mutable_sgd()->set_learning_rate(0.01);
  return model;
}

std::vector<v1::SampleBatch> TrainingSet(const v1::Model& model, int64_t samples) {
  const std::string train = absl::StrCat(kDataset, "train-");
  SampleBatcher batcher(
      ValueOf(IdxDataset::Open(train + "images-idx3-ubyte.gz", train + "labels-idx1-ubyte.gz", model)),
      {.samples_per_subject = 10, .count = samples});
  std::vector<v1::SampleBatch> batches;
  int64_t sample = 0;
  for (v1::SampleBatch batch; ValueOf(batcher.Next(&batch)); batch.Clear()) {
    for (v1::SampleDescriptor& descriptor : *batch.mutable_samples()) {
      if (sample++ / 10 % 2 == 1) descriptor.set_erasure_likelihood(v1::HIGH);
    }
    batches.push_back(batch);
  }
  return batches;
}

// Of a reply to a request of the load.
size_t ReplyBytes(Client& client, const std::string& serialized) {
  v1::PredictRequest request;
  request.ParseFromString(serialized);
  return ValueOf(client.Predict(request)).ByteSizeLong();
}

}  // namespace

PredictRig::PredictRig() : server_(EXPUNGE_SERVER_PROGRAM) { CheckOk(server_.Start()); }

void PredictRig::AddModel(const std::string& name, int shards, int64_t samples, int epochs) {
  const v1::Model model = MlpModel(name, shards, epochs);
  Create(client(), model);
  Ingest(client(), name, TrainingSet(model, samples));
  v1::TrainModelRequest train;
  train.set_name(model.name());
  CheckOk(client().TrainModel(train).status());
  if (epochs == kOneEpoch) WaitUntilReady(name);
}

void PredictRig::DeleteModel(const std::string& name) {
  v1::DeleteModelRequest request;
  request.set_name(absl::StrCat("models/", name));
  CheckOk(client().DeleteModel(request));
}

void PredictRig::WaitUntilReady(const std::string& name) {
  v1::WatchModelRequest watch;
  watch.set_name(absl::StrCat("models/", name));
  CheckOk(client().WatchModel(watch, [](const v1::Model& model) { return model.state() != v1::Model::READY; }));
}

Load PredictRig::PredictLoad(const std::string& model, int64_t images_per_request) {
  v1::GetModelRequest get;
  get.set_name(absl::StrCat("models/", model));
  Load load;
  load.address = server_.address();
  load.method = kPredictMethod;
  load.connections = kConnections;
  load.requests = ValueOf(PredictRequests(ValueOf(client().GetModel(get)),
                                          absl::StrCat(kDataset, "t10k-images-idx3-ubyte.gz"), images_per_request));
  if (images_per_request > 1) return load;
  // Class 0 takes no bytes.
  std::vector<size_t> sizes;
  for (const std::string& request : load.requests) sizes.push_back(ReplyBytes(client(), request));
  const size_t wanted = *std::max_element(sizes.begin(), sizes.end());
  std::erase_if(load.requests, [&, i = size_t{0}](const std::string&) mutable { return sizes[i++] != wanted; });
  return load;
}

Load PredictRig::EchoLoad(const Load& predict) {
  const size_t reply_bytes = ReplyBytes(client(), predict.requests.front());
  echo_ = std::make_unique<ServerProcess>(EXPUNGE_ECHO_PROGRAM,
                                          std::vector<std::string>{"--reply-bytes", absl::StrCat(reply_bytes)});
  CheckOk(echo_->Start());
  Load load = predict;
  load.address = echo_->address();
  return load;
}

std::vector<absl::Duration> PredictRig::WorkersBusy() const {
  std::vector<absl::Duration> busy;
  for (const auto& thread : std::filesystem::directory_iterator(absl::StrCat("/proc/", server_.pid(), "/task"))) {
    std::string name;
    int64_t computing = 0, waiting = 0;  // nanoseconds
    std::ifstream(thread.path() / "comm") >> name;
    std::ifstream(thread.path() / "schedstat") >> computing >> waiting;
    if (name == "train") busy.push_back(absl::Nanoseconds(computing + waiting));
  }
  return busy;
}

LoadReport Run(const Load& load) {
  LoadReport report = ValueOf(GenerateLoad(load));
  for (const auto& [error, count] : report.errors) {
    CheckOk({error.first,
             absl::StrCat(count, " of ", report.requests(), " requests failed, ", load.method, ": ", error.second)});
  }
  return report;
}

LoadReport RunAtFullSpeed(Load load, absl::Duration duration) {
  load.concurrency = kInFlight;
  load.duration = duration;
  return Run(load);
}

LoadReport RunAtRate(Load load, double rate, absl::Duration duration) {
  load.concurrency = kInFlightAtRate;
  load.rate = rate;
  load.duration = duration;
  LoadReport report = Run(load);
  if (!report.KeptRate()) {
    std::cerr << load.method << ": the rate of " << rate << "/s was not kept; the latencies are those of a queue\n";
  }
  return report;
}

}  // namespace expunge
