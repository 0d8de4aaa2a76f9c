// The Open Inference Protocol as a client sees it.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

class InferenceTest : public WireTest {
 protected:
  void MakeTrained() {
    CreateModel();
    Ingest(0, 20);
    Train();
  }

  static inference::ModelInferRequest OneRawInput(const std::string& version = "") {
    inference::ModelInferRequest request;
    request.set_model_name("m");
    request.set_model_version(version);
    request.set_id("seven");
    auto* const input = request.add_inputs();
    input->set_name("input");
    input->set_datatype("UINT8");
    input->add_shape(1);
    input->add_shape(2);
    request.add_raw_input_contents("\1\2");
    return request;
  }

  grpc::Status Infer(const inference::ModelInferRequest& request, inference::ModelInferResponse* response) {
    grpc::ClientContext context;
    return inference_->ModelInfer(&context, request, response);
  }

  grpc::Status InferAt(const std::string& version) {
    inference::ModelInferResponse response;
    return Infer(OneRawInput(version), &response);
  }

  std::string Version() {
    inference::ModelInferResponse response;
    EXPECT_TRUE(Infer(OneRawInput(), &response).ok());
    return response.model_version();
  }

  bool IsReady(const std::string& name, const std::string& version = "") {
    grpc::ClientContext context;
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    EXPECT_TRUE(inference_->ModelReady(&context, request, &response).ok());
    return response.ready();
  }

  grpc::Status Metadata(const std::string& version, inference::ModelMetadataResponse* response) {
    grpc::ClientContext context;
    inference::ModelMetadataRequest request;
    request.set_name("m");
    request.set_version(version);
    return inference_->ModelMetadata(&context, request, response);
  }

  void Forget(int subject) {
    grpc::ClientContext context;
    v1::Erasure erasure;
    const grpc::Status status = erasure_->Forget(&context, ForgetOf(subject), &erasure);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
};

TEST_F(InferenceTest, AnswersAsPredictDoes) {
  MakeTrained();
  grpc::ClientContext context;
  v1::PredictResponse predicted;
  ASSERT_TRUE(prediction_->Predict(&context, OneInput(), &predicted).ok());

  inference::ModelInferRequest request = OneRawInput();
  inference::ModelInferResponse raw, typed;
  ASSERT_TRUE(Infer(request, &raw).ok());
  request.clear_raw_input_contents();
  for (const uint32_t value : {1, 2}) request.mutable_inputs(0)->mutable_contents()->add_uint_contents(value);
  ASSERT_TRUE(Infer(request, &typed).ok());

  for (const inference::ModelInferResponse& response : {raw, typed}) {
    EXPECT_EQ(response.model_name(), "m");
    EXPECT_EQ(response.model_version(), absl::StrCat(predicted.ensemble_version()));
    EXPECT_EQ(response.id(), "seven");
    EXPECT_EQ(response.parameters().at("constituents_voting").int64_param(), 2);
    EXPECT_EQ(response.outputs_size(), 3);
  }
  EXPECT_EQ(raw.raw_output_contents_size(), 3);
  EXPECT_EQ(typed.raw_output_contents_size(), 0);
  EXPECT_EQ(typed.outputs(2).contents().bytes_contents(0), predicted.predictions(0).label());
}

TEST_F(InferenceTest, ErrorsAreThoseOfPredict) {
  EXPECT_EQ(ErrorInfoOf(InferAt("")).reason(), "MODEL_NOT_FOUND");
  CreateModel();
  const grpc::Status untrained = InferAt("");
  EXPECT_EQ(untrained.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ErrorInfoOf(untrained).reason(), "MODEL_NOT_TRAINED");
  inference::ModelInferRequest request = OneRawInput();
  request.mutable_inputs(0)->set_datatype("FP32");
  inference::ModelInferResponse response;
  const grpc::Status malformed = Infer(request, &response);
  EXPECT_EQ(malformed.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(malformed), "inputs[0].datatype");
}

TEST_F(InferenceTest, AVersionThatIsNotServedIsRefused) {
  MakeTrained();
  const std::string first = Version();
  EXPECT_TRUE(InferAt(first).ok());
  Ingest(20, 20);
  Train();
  EXPECT_NE(Version(), first);
  for (const std::string& version : {first, std::string("1"), absl::StrCat(~uint64_t{0})}) {
    const grpc::Status status = InferAt(version);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(ErrorInfoOf(status).reason(), "MODEL_VERSION_NOT_SERVED");
    EXPECT_NE(status.error_message().find(Version()), std::string::npos) << status.error_message();
  }
  EXPECT_EQ(FieldOf(InferAt("v1")), "model_version");
}

TEST_F(InferenceTest, AVersionFromBeforeAnErasureIsErased) {
  MakeTrained();
  const std::string before = Version();
  Forget(3);
  EXPECT_EQ(ErrorInfoOf(InferAt(before)).reason(), "MODEL_VERSION_ERASED");
  EXPECT_FALSE(IsReady("m", before));
  inference::ModelMetadataResponse metadata;
  EXPECT_EQ(ErrorInfoOf(Metadata(before, &metadata)).reason(), "MODEL_VERSION_ERASED");
  EXPECT_EQ(InferAt(before).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

// Whoever pinned a version before the Forget and is answered after it.
TEST_F(InferenceTest, TheVersionIsThatOfTheAnswerAndNotOfTheArrival) {
  MakeTrained();
  const inference::ModelInferRequest request = OneRawInput(Version());
  HeldPredict held(*this);
  grpc::ClientContext context;
  inference::ModelInferResponse response;
  grpc::Status status;
  absl::Notification done;
  inference_->async()->ModelInfer(&context, &request, &response, [&](grpc::Status result) {
    status = std::move(result);
    done.Notify();
  });
  IoRoundTrips();  // it has come
  Forget(3);
  held.Release();
  done.WaitForNotification();
  EXPECT_EQ(ErrorInfoOf(status).reason(), "MODEL_VERSION_ERASED");
}

TEST_F(InferenceTest, AModelIsReadyWhenAConstituentVotes) {
  EXPECT_FALSE(IsReady("m"));
  CreateModel();
  EXPECT_FALSE(IsReady("m"));
  Ingest(0, 20);
  Train();
  EXPECT_TRUE(IsReady("m"));
  EXPECT_TRUE(IsReady("m", Version()));
  EXPECT_FALSE(IsReady("m", "1"));
  EXPECT_FALSE(IsReady("models/m"));

  grpc::ClientContext context;
  inference::ModelReadyRequest request;
  request.set_version("latest");
  inference::ModelReadyResponse response;
  EXPECT_EQ(FieldOf(inference_->ModelReady(&context, request, &response)), "version");
}

TEST_F(InferenceTest, MetadataSayWhatIsServed) {
  inference::ModelMetadataResponse metadata;
  EXPECT_EQ(ErrorInfoOf(Metadata("", &metadata)).reason(), "MODEL_NOT_FOUND");
  CreateModel();
  ASSERT_TRUE(Metadata("", &metadata).ok());
  EXPECT_EQ(metadata.versions_size(), 0);
  Ingest(0, 20);
  Train();
  ASSERT_TRUE(Metadata(Version(), &metadata).ok());
  ASSERT_EQ(metadata.versions_size(), 1);
  EXPECT_EQ(metadata.versions(0), Version());
  EXPECT_EQ(metadata.platform(), "expunge_sisa");
  EXPECT_EQ(metadata.inputs(0).datatype(), "UINT8");
  EXPECT_EQ(metadata.properties().at("labels"), "[\"no\",\"yes\"]");
  EXPECT_EQ(ErrorInfoOf(Metadata("1", &metadata)).reason(), "MODEL_VERSION_NOT_SERVED");
  EXPECT_EQ(FieldOf(Metadata("x", &metadata)), "version");

  grpc::ClientContext context;
  inference::ServerMetadataResponse server;
  ASSERT_TRUE(inference_->ServerMetadata(&context, {}, &server).ok());
  EXPECT_EQ(server.name(), "expunge");
  EXPECT_FALSE(server.version().empty());
}

TEST_F(InferenceTest, ReadinessIsToldWhileEveryThreadIsBusy) {
  MakeTrained();
  HeldPredict held(*this);
  io_.Hold();
  EXPECT_TRUE(IsReady("m"));
  inference::ModelMetadataResponse metadata;
  EXPECT_TRUE(Metadata("", &metadata).ok());
  io_.Release();
  held.Release();
}

// The real server refuses calls a moment after its drain has begun, so that only the service can show it.
TEST_F(InferenceTest, AServerThatDrainsIsLiveAndNotReady) {
  Drain drain;
  ModelPredictor predictor(&*batcher_, &engine_->ledger());
  InferenceService service({.catalog = &engine_->catalog(), .predictor = &predictor, .drain = &drain});
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto stub = inference::GRPCInferenceService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  for (const bool draining : {false, true}) {
    if (draining) drain.Begin();
    grpc::ClientContext live_context, ready_context;
    inference::ServerLiveResponse live;
    inference::ServerReadyResponse ready;
    ASSERT_TRUE(stub->ServerLive(&live_context, {}, &live).ok());
    ASSERT_TRUE(stub->ServerReady(&ready_context, {}, &ready).ok());
    EXPECT_TRUE(live.live());
    EXPECT_EQ(ready.ready(), !draining);
  }
}

}  // namespace
}  // namespace expunge
