// What becomes of a call whose client does not wait for it any more.

#include <array>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

using UnaryTest = WireTest;

template <typename Request, typename Response>
struct AsyncCall {
  grpc::ClientContext context = {};
  Request request = {};
  Response response = {};
  grpc::Status status = {};
  absl::Notification done = {};

  std::function<void(grpc::Status)> Done() {
    return [this](grpc::Status result) {
      status = std::move(result);
      done.Notify();
    };
  }
};

TEST_F(UnaryTest, AQueuedPredictPastItsDeadlineIsNotComputed) {
  CreateModel();
  Ingest(0, 20);
  Train();
  HeldPredict held(*this);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::PredictResponse response;
  EXPECT_EQ(prediction_->Predict(&context, OneInput(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  IoRoundTrips();
  held.Release();
  EXPECT_TRUE(Predict().ok());
  EXPECT_EQ(trainer_.answers(), 4) << "two constituents, the held call and the last";
}

TEST_F(UnaryTest, ACancelledForgetIsCarriedOutNevertheless) {
  CreateModel();
  Ingest(0, 20);
  forget_.Hold();
  AsyncCall<v1::ForgetRequest, v1::Erasure> call{.request = ForgetOf(3)};
  erasure_->async()->Forget(&call.context, &call.request, &call.response, call.Done());
  forget_.WaitForHeld(1);
  call.context.TryCancel();
  call.done.WaitForNotification();
  EXPECT_EQ(call.status.error_code(), grpc::StatusCode::CANCELLED);
  PredictRoundTrips();
  forget_.Release();
  const std::array<uint64_t, 6> counts = engine_->ledger().CountsByState();
  EXPECT_EQ(counts[records::Erasure::COMPLETED] + counts[records::Erasure::IN_PROGRESS], 1);
}

TEST_F(UnaryTest, AForgetDoesNotWaitForCallsOfAnotherKind) {
  CreateModel();
  Ingest(0, 20);
  Train();
  io_.Hold();
  HeldPredict held(*this);
  AsyncCall<v1::ListErasuresRequest, v1::ListErasuresResponse> other;
  erasure_->async()->ListErasures(&other.context, &other.request, &other.response, other.Done());
  io_.WaitForHeld(1);
  grpc::ClientContext context;
  v1::Erasure erasure;
  const grpc::Status status = erasure_->Forget(&context, ForgetOf(3), &erasure);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(other.done.HasBeenNotified());
  io_.Release();
  held.Release();
  other.done.WaitForNotification();
}

TEST_F(UnaryTest, TooManyWaitingPredictsAreRefusedAtOnce) {
  CreateModel();
  Ingest(0, 20);
  Train();
  HeldPredict held(*this);
  std::vector<AsyncCall<v1::PredictRequest, v1::PredictResponse>> calls(batcher_options_.max_queue_size);
  for (auto& call : calls) {
    call.request = OneInput();
    prediction_->async()->Predict(&call.context, &call.request, &call.response, call.Done());
  }
  IoRoundTrips();
  const grpc::Status refused = Predict();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorInfoOf(refused).reason(), "TOO_MANY_PREDICTS");
  EXPECT_TRUE(HasRetryInfo(refused));
  // Whatever it is asked through.
  grpc::ClientContext context;
  inference::ModelInferRequest infer;
  infer.set_model_name("m");
  infer.add_inputs()->set_name("input");
  infer.mutable_inputs(0)->set_datatype("UINT8");
  for (const int64_t size : {1, 2}) infer.mutable_inputs(0)->add_shape(size);
  infer.add_raw_input_contents("\1\2");
  inference::ModelInferResponse inferred;
  EXPECT_EQ(ErrorInfoOf(inference_->ModelInfer(&context, infer, &inferred)).reason(), "TOO_MANY_PREDICTS");
  held.Release();
  for (auto& call : calls) {
    call.done.WaitForNotification();
    EXPECT_TRUE(call.status.ok());
  }
  EXPECT_TRUE(Predict().ok());
}

TEST_F(UnaryTest, AModelThatWasNeverTrainedSaysSo) {
  CreateModel();
  const grpc::Status status = Predict();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "MODEL_NOT_TRAINED");
  EXPECT_FALSE(HasRetryInfo(status));
}

TEST_F(UnaryTest, APredictSaysWhichErasuresItReflectsAndMayAskForOne) {
  CreateModel();
  Ingest(0, 20);
  Train();
  grpc::ClientContext forget_context;
  v1::Erasure erasure;
  ASSERT_TRUE(erasure_->Forget(&forget_context, ForgetOf(3), &erasure).ok());
  v1::PredictRequest request = OneInput();
  const ErasureSequence newest = engine_->ledger().isolated_through();
  EXPECT_EQ(newest, 1u);
  request.set_min_erasure_sequence(newest);
  v1::PredictResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(prediction_->Predict(&context, request, &response).ok());
  EXPECT_EQ(response.erasure_sequence(), newest);

  request.set_min_erasure_sequence(newest + 1);
  grpc::ClientContext ahead;
  const grpc::Status status = prediction_->Predict(&ahead, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "ERASURE_NOT_ISOLATED");
  EXPECT_TRUE(HasRetryInfo(status));
}

}  // namespace
}  // namespace expunge
