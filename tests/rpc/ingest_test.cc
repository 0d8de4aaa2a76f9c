#include <string>

#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

class IngestTest : public WireTest {
 protected:
  // Sends these messages and returns how it ended.
  grpc::Status Send(const std::vector<v1::IngestSamplesRequest>& messages) {
    grpc::ClientContext context;
    const auto stream = model_->IngestSamples(&context, &response_);
    for (const v1::IngestSamplesRequest& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
    return stream->Finish();
  }

  v1::IngestSamplesResponse response_;
};

TEST_F(IngestTest, SendingAgainIsHarmless) {
  CreateModel();
  ASSERT_TRUE(Send({Start(), Batch(0, 3), Batch(3, 2)}).ok());
  EXPECT_EQ(response_.samples_ingested(), 5);
  ASSERT_TRUE(Send({Start(), Batch(0, 6)}).ok());
  EXPECT_EQ(response_.samples_ingested(), 1);
  EXPECT_EQ(response_.samples_unchanged(), 5);
}

TEST_F(IngestTest, AnotherSampleUnderTheSameIdIsCounted) {
  CreateModel();
  ASSERT_TRUE(Send({Start(), Batch(0, 1)}).ok());
  v1::IngestSamplesRequest other = Batch(0, 1);
  other.mutable_batch()->set_inputs("zz");
  ASSERT_TRUE(Send({Start(), other}).ok());
  EXPECT_EQ(response_.samples_conflicting(), 1);
}

TEST_F(IngestTest, AnErrorTellsWhatIsStored) {
  CreateModel();
  v1::IngestSamplesRequest bad = Batch(5, 3);
  bad.mutable_batch()->mutable_samples(2)->set_label(2);
  const grpc::Status status = Send({Start(), Batch(0, 3), Batch(3, 2), bad});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "batch.samples[2].label");
  EXPECT_EQ(ErrorInfoOf(status).metadata().at("samplesCommitted"), "5");
  EXPECT_EQ(ErrorInfoOf(status).metadata().at("batchesCommitted"), "2");
  ASSERT_TRUE(Send({Start(), Batch(0, 8)}).ok());
  EXPECT_EQ(response_.samples_unchanged(), 5);
  EXPECT_EQ(response_.samples_ingested(), 3);
}

TEST_F(IngestTest, AnIdThatIsNotUtf8IsRefusedAndNotRepeated) {
  CreateModel();
  const std::string not_utf8 = "person \xC3\x28";
  v1::IngestSamplesRequest subject = Batch(5, 1);
  subject.mutable_batch()->mutable_samples(0)->set_subject_id(not_utf8);
  v1::IngestSamplesRequest sample = Batch(5, 1);
  sample.mutable_batch()->mutable_samples(0)->set_sample_id(not_utf8);
  for (const v1::IngestSamplesRequest& bad : {subject, sample}) {
    const grpc::Status status = Send({Start(), Batch(0, 5), bad, Batch(6, 1)});
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(FieldOf(status), "batch");
    EXPECT_NE(status.error_message().find("UTF-8"), std::string::npos) << status.error_message();
    EXPECT_EQ(status.error_message().find("person"), std::string::npos);
    EXPECT_EQ(ErrorInfoOf(status).metadata().at("samplesCommitted"), "5");
  }
  ASSERT_TRUE(Send({Start(), Batch(0, 7)}).ok());
  EXPECT_EQ(response_.samples_unchanged(), 5);
  EXPECT_EQ(response_.samples_ingested(), 2);
}

TEST_F(IngestTest, TheFirstMessageNamesTheModel) {
  CreateModel();
  EXPECT_EQ(FieldOf(Send({})), "start");
  EXPECT_EQ(FieldOf(Send({Batch(0, 1)})), "start");
  EXPECT_EQ(FieldOf(Send({Start("m")})), "start.model");
  EXPECT_EQ(FieldOf(Send({Start(), Start()})), "batch");
  EXPECT_EQ(ErrorInfoOf(Send({Start("models/none")})).reason(), "MODEL_NOT_FOUND");
}

TEST_F(IngestTest, ATooLargeMessageEndsTheStreamAndKeepsWhatWasStored) {
  CreateModel();
  v1::IngestSamplesRequest large = Batch(5, 1);
  large.mutable_batch()->mutable_inputs()->resize(kMaxMessage);
  EXPECT_EQ(Send({Start(), Batch(0, 5), large}).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  ASSERT_TRUE(Send({Start(), Batch(0, 6)}).ok());
  EXPECT_EQ(response_.samples_unchanged() + response_.samples_ingested(), 6);
}

TEST_F(IngestTest, ACancelledStreamLeavesWholeBatches) {
  CreateModel();
  grpc::ClientContext context;
  const auto stream = model_->IngestSamples(&context, &response_);
  ASSERT_TRUE(stream->Write(Start()));
  ASSERT_TRUE(stream->Write(Batch(0, 4)));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  ASSERT_TRUE(Send({Start(), Batch(0, 4)}).ok());
  EXPECT_TRUE(response_.samples_unchanged() == 0 || response_.samples_unchanged() == 4);
}

}  // namespace
}  // namespace expunge
