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

class WatchLimitTest : public WatchTest {
 protected:
  WatchLimitTest() { server_options_.max_watches = 2; }

  grpc::Status WatchModelToTheEnd() {
    grpc::ClientContext context;
    v1::WatchModelRequest request;
    request.set_name("models/m");
    const auto stream = model_->WatchModel(&context, request);
    v1::Model model;
    while (stream->Read(&model)) context.TryCancel();
    return stream->Finish();
  }
};

TEST_F(WatchLimitTest, OneTooManyIsRefusedUntilAnotherEnds) {
  v1::Erasure erasure;  // of a subject whose model never is trained
  Ingest(0, 4);
  {
    grpc::ClientContext context;
    ASSERT_TRUE(erasure_->Forget(&context, ForgetOf(1), &erasure).ok());
  }
  grpc::ClientContext second_context;
  v1::WatchModelRequest request;
  request.set_name("models/m");
  const auto second = model_->WatchModel(&second_context, request);
  v1::Model model;
  ASSERT_TRUE(second->Read(&model));

  grpc::ClientContext third_context;
  v1::WatchErasureRequest watch;
  watch.set_name(erasure.name());
  const auto third = erasure_->WatchErasure(&third_context, watch);
  EXPECT_FALSE(third->Read(&erasure));
  for (const grpc::Status& status : {third->Finish(), WatchModelToTheEnd()}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(ErrorInfoOf(status).reason(), "TOO_MANY_WATCHES");
    EXPECT_NE(status.error_message().find("at most 2 watch streams"), std::string::npos) << status.error_message();
    EXPECT_TRUE(HasRetryInfo(status));
  }

  second_context.TryCancel();
  second->Finish();
  // The server hears of it a little later.
  grpc::Status status;
  do {
    status = WatchModelToTheEnd();
  } while (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED) << "it was served until the test left";
  EXPECT_EQ(ErrorInfoOf(status).reason(), "");
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
