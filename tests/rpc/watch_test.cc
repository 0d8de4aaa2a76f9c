#include <thread>

#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

class WatchTest : public WireTest {
 protected:
  void SetUp() override {
    WireTest::SetUp();
    CreateModel();
    v1::WatchModelRequest request;
    request.set_name("models/m");
    stream_ = model_->WatchModel(&context_, request);
    ASSERT_TRUE(stream_->Read(&seen_));
  }

  grpc::Status ReadToTheEnd() {
    while (stream_->Read(&seen_)) {
    }
    return stream_->Finish();
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::Model>> stream_;
  v1::Model seen_;
};

TEST_F(WatchTest, BeginsWithTheStateNow) { EXPECT_EQ(seen_.state(), v1::Model::CREATED); }

TEST_F(WatchTest, TellsOfChangesUntilTheModelIsReady) {
  Ingest(0, 20);
  Train();
  while (seen_.state() != v1::Model::READY) ASSERT_TRUE(stream_->Read(&seen_));
  EXPECT_EQ(seen_.constituents_voting(), 2);
}

TEST_F(WatchTest, EndsWhenTheModelIsDeleted) {
  v1::DeleteModelRequest request;
  request.set_name("models/m");
  grpc::ClientContext context;
  google::protobuf::Empty empty;
  ASSERT_TRUE(model_->DeleteModel(&context, request, &empty).ok());
  EXPECT_EQ(ErrorInfoOf(ReadToTheEnd()).reason(), "MODEL_NOT_FOUND");
}

TEST_F(WatchTest, EndsWhenTheServerDrains) {
  std::thread drain([this] { server_->Drain(absl::Minutes(1)); });
  const grpc::Status status = ReadToTheEnd();
  drain.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "SHUTTING_DOWN");
  EXPECT_TRUE(HasRetryInfo(status));
}

TEST_F(WatchTest, AClientMayLeave) {
  context_.TryCancel();
  EXPECT_EQ(ReadToTheEnd().error_code(), grpc::StatusCode::CANCELLED);
  server_->Drain(absl::InfiniteDuration());  // returns, so the server's end of the stream is gone
}

TEST_F(WatchTest, NobodyWatchesWhatIsNotThere) {
  grpc::ClientContext context;
  v1::WatchErasureRequest request;
  request.set_name("erasures/00000000-0000-4000-8000-000000000000");
  const auto stream = erasure_->WatchErasure(&context, request);
  v1::Erasure erasure;
  EXPECT_FALSE(stream->Read(&erasure));
  EXPECT_EQ(ErrorInfoOf(stream->Finish()).reason(), "ERASURE_NOT_FOUND");
}

}  // namespace
}  // namespace expunge
