// What becomes of a call whose client does not wait for it any more.

#include <chrono>
#include <memory>
#include <optional>

#include "absl/synchronization/notification.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

using UnaryTest = WireTest;

TEST_F(UnaryTest, AQueuedPredictPastItsDeadlineIsNotComputed) {
  CreateModel();
  Ingest(0, 20);
  Train();
  auto block = std::make_unique<Block>(&predict_, 1);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::PredictResponse response;
  EXPECT_EQ(prediction_->Predict(&context, OneInput(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  block.reset();
  Flush(&predict_);
  EXPECT_EQ(trainer_.answers(), 0);
  EXPECT_TRUE(Predict().ok());
  EXPECT_EQ(trainer_.answers(), 2);
}

TEST_F(UnaryTest, ACancelledForgetIsCarriedOutNevertheless) {
  CreateModel();
  Ingest(0, 20);
  auto block = std::make_unique<Block>(&io_, 1);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::Erasure erasure;
  EXPECT_EQ(erasure_->Forget(&context, ForgetOf(3), &erasure).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  block.reset();
  Flush(&io_);
  EXPECT_EQ(engine_->ledger().CountsByState()[records::Erasure::COMPLETED] +
                engine_->ledger().CountsByState()[records::Erasure::IN_PROGRESS],
            1);
}

TEST_F(UnaryTest, TooManyWaitingPredictsAreRefusedAtOnce) {
  CreateModel();
  auto block = std::make_unique<Block>(&predict_, 1);
  constexpr int kCalls = 1100;
  struct Call {
    grpc::ClientContext context;
    v1::PredictRequest request = OneInput();
    v1::PredictResponse response;
    absl::Notification done;
    grpc::Status status;
  };
  std::vector<Call> calls(kCalls);
  absl::Notification refused;
  std::atomic<int> refusals = 0;
  for (Call& call : calls) {
    prediction_->async()->Predict(&call.context, &call.request, &call.response, [&](grpc::Status status) {
      call.status = std::move(status);
      call.done.Notify();
      if (call.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED && ++refusals == kCalls - 1024)
        refused.Notify();
    });
  }
  refused.WaitForNotification();
  block.reset();
  for (Call& call : calls) {
    call.done.WaitForNotification();
    if (call.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) continue;
    EXPECT_EQ(ErrorInfoOf(call.status).reason(), "TOO_MANY_PREDICTS");
    EXPECT_TRUE(HasRetryInfo(call.status));
  }
  EXPECT_EQ(refusals, kCalls - 1024);
  EXPECT_EQ(ErrorInfoOf(Predict()).reason(), "MODEL_NOT_TRAINED");
}

}  // namespace
}  // namespace expunge
