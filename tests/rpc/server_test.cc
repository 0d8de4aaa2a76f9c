#include "rpc/server.h"

#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/error.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"
#include "tests/testing/deaf_client.h"

namespace expunge {
namespace {

class ServerTest : public WireTest {
 protected:
  absl::Status StartAnother(const Server::Options& options) {
    return Server::Start(options, {.engine = engine_.get(),
                                   .clock = &SystemClock(),
                                   .io = &io_,
                                   .forget = &forget_,
                                   .batcher = &*batcher_,
                                   .replay = &replay_,
                                   .admin = &replay_})
        .status();
  }
};

TEST_F(ServerTest, APortInUseIsAnError) {
  const absl::Status status = StartAnother({.listen = absl::StrCat("127.0.0.1:", server_->port())});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(ReasonOf(status), "LISTEN_ADDRESS_UNAVAILABLE");
}

TEST_F(ServerTest, AnAddressThatIsNotOnThisMachineIsAnError) {
  EXPECT_EQ(ReasonOf(StartAnother({.listen = "127.999.0.1:0"})), "LISTEN_ADDRESS_UNAVAILABLE");
}

TEST_F(ServerTest, WithoutTlsOnlyLoopbackIsServed) {
  for (const char* listen : {"0.0.0.0:7400", "[::]:7400", "192.168.1.2:7400", ""}) {
    EXPECT_EQ(FieldOf(StartAnother({.listen = listen})), "listen") << listen;
  }
}

TEST_F(ServerTest, TheSizeOfMessagesIsBounded) {
  EXPECT_EQ(FieldOf(StartAnother({.listen = "127.0.0.1:0", .max_message_bytes = kMinMessageBytes - 1})),
            "max_message_bytes");
  EXPECT_EQ(FieldOf(StartAnother({.listen = "127.0.0.1:0", .max_message_bytes = kMaxMessageBytes + 1})),
            "max_message_bytes");

  v1::PredictRequest request = OneInput();
  request.mutable_inputs()->mutable_data()->resize(kMaxMessage);
  grpc::ClientContext context;
  v1::PredictResponse response;
  const grpc::Status status = prediction_->Predict(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(status.error_message().find(absl::StrCat(kMaxMessage)), std::string::npos) << status.error_message();
}

TEST_F(ServerTest, ADrainedServerTakesNoCall) {
  server_->Drain(absl::ZeroDuration());
  EXPECT_EQ(Predict().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, AnIdleClientIsNotWaitedFor) {
  const DeafClient idle("127.0.0.1", server_->port());
  ASSERT_TRUE(idle.WaitUntilHeard());
  EXPECT_EQ(Predict().error_code(), grpc::StatusCode::NOT_FOUND);  // a second client, whose call has ended
  server_->Drain(absl::InfiniteDuration());                        // returns
}

TEST_F(ServerTest, TheNumberOfWatchesIsBounded) {
  for (const int watches : {0, -1, kMaxWatches + 1}) {
    EXPECT_EQ(FieldOf(StartAnother({.listen = "127.0.0.1:0", .max_watches = watches})), "max_watches");
  }
}

TEST_F(ServerTest, ARunningCallMayFinishWhileTheServerDrains) {
  io_.Hold();
  grpc::ClientContext context;
  v1::ListModelsRequest request;
  v1::ListModelsResponse response;
  absl::Notification done;
  grpc::Status status;
  model_->async()->ListModels(&context, &request, &response, [&](grpc::Status result) {
    status = std::move(result);
    done.Notify();
  });
  io_.WaitForHeld(1);
  std::thread drain([this] { server_->Drain(absl::Minutes(1)); });
  while (Predict().error_code() != grpc::StatusCode::UNAVAILABLE) {
  }
  io_.Release();
  done.WaitForNotification();
  drain.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace expunge
