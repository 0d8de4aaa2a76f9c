#ifndef EXPUNGE_TESTS_RPC_WIRE_H_
#define EXPUNGE_TESTS_RPC_WIRE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "engine/engine.h"
#include "expunge/v1/audit_service.grpc.pb.h"
#include "expunge/v1/erasure_service.grpc.pb.h"
#include "expunge/v1/model_service.grpc.pb.h"
#include "expunge/v1/prediction_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "inference/inference_service.grpc.pb.h"
#include "rpc/server.h"
#include "serving/batcher.h"
#include "tests/testing/hash_trainer.h"
#include "tests/testing/temp_dir.h"

namespace expunge {

// The details of an error, as a client finds them.
google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status);
std::string FieldOf(const grpc::Status& status);  // of the BadRequest; empty: none
bool HasRetryInfo(const grpc::Status& status);

// "models/m": inputs of two bytes, two classes, two shards of two slices.
v1::Model SmallModel();

// `count` samples of one subject each, "subject-<first>" and so on.
v1::IngestSamplesRequest Batch(int first, int count);
v1::IngestSamplesRequest Start(const std::string& model = "models/m");

// A batch of one input for the small model.
v1::PredictRequest OneInput();
v1::ForgetRequest ForgetOf(int subject);

// A trainer that counts what it answers.
class CountingTrainer : public HashTrainer {
 public:
  absl::StatusOr<std::shared_ptr<const Network>> BuildNetwork(const ModelSpec& spec,
                                                              absl::Span<const float> parameters) const override;
  int answers() const { return answers_; }

  // From now on who computes an answer waits until Release, and then everybody goes on.
  void HoldAnswers();
  void WaitForHeldAnswer();
  void ReleaseAnswers();

 private:
  class CountingNetwork;

  mutable std::atomic<int> answers_ = 0;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  mutable int held_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One thread that can be told to hold what it is given. Thread-safe.
class HeldExecutor : public Executor {
 public:
  void Schedule(absl::AnyInvocable<void()> task) override;

  void Hold();
  void WaitForHeld(size_t tasks);  // until so many are held
  void Release();                  // runs them, and waits until they have run

 private:
  Mutex mutex_;
  CondVar changed_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<absl::AnyInvocable<void()>> held_ ABSL_GUARDED_BY(mutex_);
  ThreadPool thread_{"held", 1};
};

// A server on an empty data directory, and stubs that talk to it.
class WireTest : public testing::Test {
 protected:
  static constexpr size_t kMaxMessage = kMinMessageBytes;

  // Whatever `server_options` say but for the address and the largest message.
  void SetUp() override;
  void CreateModel();
  v1::IngestSamplesResponse Ingest(int first, int count);
  void Train();  // and waits until it is done
  grpc::Status Predict();
  // A Predict that holds the batcher's one thread until Release.
  class HeldPredict {
   public:
    explicit HeldPredict(WireTest& test);
    void Release();

   private:
    WireTest& test_;
    grpc::ClientContext context_;
    v1::PredictRequest request_ = OneInput();
    v1::PredictResponse response_;
    absl::Notification done_;
  };
  // Many calls, one after the other, that need only `io_` or only the batcher: when they are answered, the server has
  // heard whatever this client sent before them.
  void IoRoundTrips();
  void PredictRoundTrips();

  Server::Options server_options_;
  TempDir dir_;
  CountingTrainer trainer_;
  std::unique_ptr<Engine> engine_;
  HeldExecutor io_;
  HeldExecutor forget_;
  Batcher::Options batcher_options_ = {.max_queue_size = 16};
  std::optional<Batcher> batcher_;
  ThreadPool replay_{"replay", 1};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PredictionService::Stub> prediction_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> inference_;
  std::unique_ptr<v1::ErasureService::Stub> erasure_;
  std::unique_ptr<v1::AuditService::Stub> audit_;
  std::unique_ptr<v1::ModelService::Stub> model_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_RPC_WIRE_H_
