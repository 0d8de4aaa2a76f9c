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
  predict_.Hold();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::PredictResponse response;
  EXPECT_EQ(prediction_->Predict(&context, OneInput(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  IoRoundTrips();
  predict_.Release();
  EXPECT_EQ(trainer_.answers(), 0);
  EXPECT_TRUE(Predict().ok());
  EXPECT_EQ(trainer_.answers(), 2);
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
  io_.Hold();
  predict_.Hold();
  AsyncCall<v1::ListErasuresRequest, v1::ListErasuresResponse> other;
  erasure_->async()->ListErasures(&other.context, &other.request, &other.response, other.Done());
  io_.WaitForHeld(1);
  grpc::ClientContext context;
  v1::Erasure erasure;
  const grpc::Status status = erasure_->Forget(&context, ForgetOf(3), &erasure);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(other.done.HasBeenNotified());
  io_.Release();
  predict_.Release();
  other.done.WaitForNotification();
}

TEST_F(UnaryTest, TooManyWaitingPredictsAreRefusedAtOnce) {
  constexpr int kMax = 1024;
  CreateModel();
  predict_.Hold();
  std::vector<AsyncCall<v1::PredictRequest, v1::PredictResponse>> calls(kMax);
  for (auto& call : calls) {
    call.request = OneInput();
    prediction_->async()->Predict(&call.context, &call.request, &call.response, call.Done());
  }
  predict_.WaitForHeld(kMax);
  const grpc::Status refused = Predict();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorInfoOf(refused).reason(), "TOO_MANY_PREDICTS");
  EXPECT_TRUE(HasRetryInfo(refused));
  // Whatever it is asked through.
  grpc::ClientContext context;
  inference::ModelInferResponse response;
  EXPECT_EQ(ErrorInfoOf(inference_->ModelInfer(&context, {}, &response)).reason(), "TOO_MANY_PREDICTS");
  predict_.Release();
  for (auto& call : calls) call.done.WaitForNotification();
  EXPECT_EQ(ErrorInfoOf(Predict()).reason(), "MODEL_NOT_TRAINED");
}

}  // namespace
}  // namespace expunge
