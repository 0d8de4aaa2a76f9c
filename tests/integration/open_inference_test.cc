// A client in another language, and one that shares no file with us, infer over the Open Inference Protocol
// (inference_client.py).

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "tests/integration/integration_test.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

// The same images as floats.
std::string AsFloats(const std::string& images) {
  std::string floats;
  for (const char pixel : images) {
    const float value = static_cast<float>(static_cast<uint8_t>(pixel));
    floats.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return floats;
}

void WriteJson(const google::protobuf::Message& message, const std::string& path) {
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(message, &json).ok());
  std::ofstream(path) << json;
}

class OpenInferenceTest : public IntegrationTest {
 protected:
  void MakeModels() {
    MakeTrained(StripesModel("bytes", 2, 2), 30);
    v1::Model model = StripesModel("floats", 2, 2);
    model.mutable_input()->set_dtype(v1::FLOAT32);
    v1::SampleBatch batch = StripesBatch(0, 30, 2);
    batch.set_inputs(AsFloats(batch.inputs()));
    ASSERT_THAT(Create(client(), model), IsOk());
    ASSERT_THAT(Ingest(client(), "floats", {batch}), IsOk());
    ASSERT_THAT(TrainAndWait(client(), "floats"), IsOk());
  }

  v1::PredictResponse Predict(const v1::PredictRequest& request) {
    const absl::StatusOr<v1::PredictResponse> response = client().Predict(request);
    EXPECT_THAT(response, IsOk());
    return response.value_or(v1::PredictResponse());
  }

  // For the client to compare with what it is answered.
  void WriteCase(const v1::PredictRequest& request, const v1::PredictResponse& response) {
    const std::string path = cases_ / absl::StrCat("case-", count_++);
    WriteJson(request, path + ".request.json");
    WriteJson(response, path + ".response.json");
  }

  std::string MakeStubs() {
    const std::string& directory = stubs_.path();
    const Outcome outcome = RunProgram(
        {.arguments = {EXPUNGE_PROTOC, "--proto_path=" EXPUNGE_PROTOS, absl::StrCat("--python_out=", directory),
                       absl::StrCat("--grpc_out=", directory), "--plugin=protoc-gen-grpc=" EXPUNGE_GRPC_PYTHON_PLUGIN,
                       "inference/inference_service.proto"}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return directory;
  }

  // Debian's Python, which has Debian's packages, whatever else the path has.
  Outcome Compare() {
    return RunProgram(
        {.arguments = {"/usr/bin/python3", EXPUNGE_INFERENCE_CLIENT, server_.address(), MakeStubs(), cases_.path()}});
  }

  const TempDir cases_;
  const TempDir stubs_;
  int count_ = 0;
};

TEST_F(OpenInferenceTest, AForeignClientIsAnsweredAsOurs) {
  MakeModels();
  for (const int batch : {1, 3, 64}) {
    v1::PredictRequest request = StripesInputs("bytes", batch, batch);
    WriteCase(request, Predict(request));
    request.set_model("models/floats");
    request.mutable_inputs()->set_dtype(v1::FLOAT32);
    request.mutable_inputs()->set_data(AsFloats(request.inputs().data()));
    WriteCase(request, Predict(request));
  }
  const Outcome outcome = Compare();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "6 cases answered alike\n");
}

// The client is a judge only if it refuses, too.
TEST_F(OpenInferenceTest, TheForeignClientNoticesAnotherAnswer) {
  MakeTrained(StripesModel("bytes", 2, 2), 30);
  const v1::PredictRequest request = StripesInputs("bytes", 0, 2);
  v1::PredictResponse response = Predict(request);
  ASSERT_EQ(response.predictions_size(), 2);
  response.mutable_predictions()->SwapElements(0, 1);
  WriteCase(request, response);
  const Outcome outcome = Compare();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "wrong: a probability\n");
}

}  // namespace
}  // namespace expunge
