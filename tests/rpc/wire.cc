#include "tests/rpc/wire.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace expunge {
namespace {

template <typename Detail>
bool FindDetail(const grpc::Status& status, Detail* detail) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return false;
  for (const auto& any : details.details()) {
    if (any.UnpackTo(detail)) return true;
  }
  return false;
}

}  // namespace

google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status) {
  google::rpc::ErrorInfo info;
  FindDetail(status, &info);
  return info;
}

std::string FieldOf(const grpc::Status& status) {
  google::rpc::BadRequest bad_request;
  return FindDetail(status, &bad_request) ? bad_request.field_violations(0).field() : "";
}

bool HasRetryInfo(const grpc::Status& status) {
  google::rpc::RetryInfo retry;
  return FindDetail(status, &retry);
}

v1::Model SmallModel() {
  v1::Model model;
  model.set_name("models/m");
  model.mutable_input()->add_shape(2);
  model.mutable_input()->set_dtype(v1::UINT8);
  model.add_labels("no");
  model.add_labels("yes");
  model.mutable_architecture()->mutable_softmax_regression();
  model.mutable_training()->set_epochs(2);
  model.mutable_training()->set_batch_size(4);
  model.mutable_training()->mutable_sgd()->set_learning_rate(0.1);
  model.mutable_sisa()->set_shards(2);
  model.mutable_sisa()->set_slices(2);
  return model;
}

v1::IngestSamplesRequest Batch(int first, int count) {
  v1::IngestSamplesRequest request;
  for (int i = first; i < first + count; ++i) {
    v1::SampleDescriptor* const sample = request.mutable_batch()->add_samples();
    sample->set_subject_id(absl::StrCat("subject-", i));
    sample->set_sample_id("s");
    sample->set_label(i % 2);
    request.mutable_batch()->mutable_inputs()->append({static_cast<char>(i), static_cast<char>(i + 1)});
  }
  return request;
}

v1::IngestSamplesRequest Start(const std::string& model) {
  v1::IngestSamplesRequest request;
  request.mutable_start()->set_model(model);
  return request;
}

v1::PredictRequest OneInput() {
  v1::PredictRequest request;
  request.set_model("models/m");
  request.mutable_inputs()->set_dtype(v1::UINT8);
  request.mutable_inputs()->add_shape(1);
  request.mutable_inputs()->add_shape(2);
  request.mutable_inputs()->set_data("\1\2");
  return request;
}

v1::ForgetRequest ForgetOf(int subject) {
  v1::ForgetRequest request;
  request.set_request_id(absl::StrCat("00000000-0000-4000-8000-", absl::Dec(subject, absl::kZeroPad12)));
  request.set_subject_id(absl::StrCat("subject-", subject));
  request.set_regulation(v1::GDPR);
  return request;
}

class CountingTrainer::CountingNetwork : public Network {
 public:
  CountingNetwork(std::shared_ptr<const Network> network, const CountingTrainer* trainer)
      : network_(std::move(network)), trainer_(trainer) {}

  absl::Status Probabilities(absl::Span<const uint8_t> inputs, size_t batch,
                             absl::Span<float> probabilities) const override {
    ++trainer_->answers_;
    {
      MutexLock lock(&trainer_->mutex_);
      ++trainer_->held_;
      trainer_->changed_.SignalAll();
      while (trainer_->holding_) trainer_->changed_.Wait(&trainer_->mutex_);
      --trainer_->held_;
    }
    return network_->Probabilities(inputs, batch, probabilities);
  }

 private:
  const std::shared_ptr<const Network> network_;
  const CountingTrainer* const trainer_;
};

void CountingTrainer::HoldAnswers() {
  MutexLock lock(&mutex_);
  holding_ = true;
}

void CountingTrainer::WaitForHeldAnswer() {
  MutexLock lock(&mutex_);
  while (held_ == 0) changed_.Wait(&mutex_);
}

void CountingTrainer::ReleaseAnswers() {
  MutexLock lock(&mutex_);
  holding_ = false;
  changed_.SignalAll();
}

absl::StatusOr<std::shared_ptr<const Network>> CountingTrainer::BuildNetwork(const ModelSpec& spec,
                                                                             absl::Span<const float> parameters) const {
  absl::StatusOr<std::shared_ptr<const Network>> network = HashTrainer::BuildNetwork(spec, parameters);
  if (!network.ok()) return network;
  return std::make_shared<CountingNetwork>(*std::move(network), this);
}

void HeldExecutor::Schedule(absl::AnyInvocable<void()> task) {
  MutexLock lock(&mutex_);
  if (!holding_) return thread_.Schedule(std::move(task));
  held_.push_back(std::move(task));
  changed_.SignalAll();
}

void HeldExecutor::Hold() {
  MutexLock lock(&mutex_);
  holding_ = true;
}

void HeldExecutor::WaitForHeld(size_t tasks) {
  MutexLock lock(&mutex_);
  while (held_.size() < tasks) changed_.Wait(&mutex_);
}

void HeldExecutor::Release() {
  absl::Notification done;
  {
    MutexLock lock(&mutex_);
    holding_ = false;
    for (absl::AnyInvocable<void()>& task : held_) thread_.Schedule(std::move(task));
    held_.clear();
    thread_.Schedule([&done] { done.Notify(); });
  }
  done.WaitForNotification();
}

void WireTest::SetUp() {
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open({.data_dir = dir_.path()}, &trainer_, &SystemClock());
  ASSERT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
  ASSERT_TRUE(engine_->Recover().ok());
  batcher_.emplace(batcher_options_);
  server_options_.listen = "127.0.0.1:0";
  server_options_.max_message_bytes = kMaxMessage;
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(server_options_, {.engine = engine_.get(),
                                                                                   .clock = &SystemClock(),
                                                                                   .io = &io_,
                                                                                   .forget = &forget_,
                                                                                   .batcher = &*batcher_,
                                                                                   .replay = &replay_,
                                                                                   .admin = &replay_});
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials());
  prediction_ = v1::PredictionService::NewStub(channel_);
  inference_ = inference::GRPCInferenceService::NewStub(channel_);
  erasure_ = v1::ErasureService::NewStub(channel_);
  audit_ = v1::AuditService::NewStub(channel_);
  model_ = v1::ModelService::NewStub(channel_);
}

void WireTest::CreateModel() {
  grpc::ClientContext context;
  v1::CreateModelRequest request;
  *request.mutable_model() = SmallModel();
  v1::Model model;
  const grpc::Status status = model_->CreateModel(&context, request, &model);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

v1::IngestSamplesResponse WireTest::Ingest(int first, int count) {
  grpc::ClientContext context;
  v1::IngestSamplesResponse response;
  const auto stream = model_->IngestSamples(&context, &response);
  EXPECT_TRUE(stream->Write(Start()));
  EXPECT_TRUE(stream->Write(Batch(first, count)));
  EXPECT_TRUE(stream->WritesDone());
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

void WireTest::Train() {
  v1::TrainModelRequest request;
  request.set_name("models/m");
  v1::Model model;
  grpc::ClientContext train_context;
  const grpc::Status status = model_->TrainModel(&train_context, request, &model);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::WatchModelRequest watch;
  watch.set_name("models/m");
  grpc::ClientContext watch_context;
  const auto stream = model_->WatchModel(&watch_context, watch);
  while (model.state() != v1::Model::READY) ASSERT_TRUE(stream->Read(&model));
  watch_context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

grpc::Status WireTest::Predict() {
  grpc::ClientContext context;
  v1::PredictResponse response;
  return prediction_->Predict(&context, OneInput(), &response);
}

WireTest::HeldPredict::HeldPredict(WireTest& test) : test_(test) {
  test_.trainer_.HoldAnswers();
  test_.prediction_->async()->Predict(&context_, &request_, &response_, [this](const grpc::Status& status) {
    EXPECT_TRUE(status.ok()) << status.error_message();
    done_.Notify();
  });
  test_.trainer_.WaitForHeldAnswer();
}

void WireTest::HeldPredict::Release() {
  test_.trainer_.ReleaseAnswers();
  done_.WaitForNotification();
}

void WireTest::IoRoundTrips() {
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    v1::ListModelsResponse response;
    EXPECT_TRUE(model_->ListModels(&context, {}, &response).ok());
  }
}

void WireTest::PredictRoundTrips() {
  for (int i = 0; i < 20; ++i) Predict();
}

}  // namespace expunge
