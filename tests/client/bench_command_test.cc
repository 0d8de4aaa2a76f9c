#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "client/predict_requests.h"
#include "expunge/v1/model_service.grpc.pb.h"
#include "expunge/v1/prediction_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tests/client/run_expunge.h"
#include "tests/client/test_files.h"
#include "tests/testing/status_matchers.h"

namespace expunge::cli {
namespace {

using ::testing::HasSubstr;

v1::Model SmallModel(v1::DType dtype) {
  v1::Model model;
  model.set_name("models/m");
  model.mutable_input()->set_dtype(dtype);
  model.mutable_input()->add_shape(2);
  model.mutable_input()->add_shape(3);
  return model;
}

v1::PredictRequest Parsed(const std::string& bytes) {
  v1::PredictRequest request;
  EXPECT_TRUE(request.ParseFromString(bytes));
  return request;
}

TEST(PredictRequestsTest, TakeTheInputsOfAFileInTurnAndBeginAgain) {
  const TestFiles files;
  const std::string images = files.Write("images", IdxBytes(IdxType::kUint8, {3, 2, 3}, CountingBytes(18)));
  const auto requests = PredictRequests(SmallModel(v1::UINT8), images, /*inputs_per_request=*/2);
  ASSERT_THAT(requests, IsOk());
  ASSERT_GE(requests->size(), 2u);
  const v1::PredictRequest second = Parsed((*requests)[1]);
  EXPECT_EQ(second.model(), "models/m");
  EXPECT_THAT(second.inputs().shape(), testing::ElementsAre(2, 2, 3));
  EXPECT_EQ(second.inputs().data(), CountingBytes(18).substr(12) + CountingBytes(6));
}

TEST(PredictRequestsTest, RandomInputsFitTheModelAndDiffer) {
  for (const auto& [dtype, bytes] : {std::pair(v1::UINT8, 18u), std::pair(v1::FLOAT32, 72u)}) {
    const auto requests = PredictRequests(SmallModel(dtype), /*images=*/"", /*inputs_per_request=*/3);
    ASSERT_THAT(requests, IsOk());
    EXPECT_EQ(requests->size(), 256u);
    EXPECT_EQ(Parsed((*requests)[0]).inputs().data().size(), bytes);
    EXPECT_NE((*requests)[0], (*requests)[1]);
  }
}

TEST(PredictRequestsTest, AreFewWhenTheyAreLarge) {
  v1::Model model = SmallModel(v1::UINT8);
  model.mutable_input()->add_shape(1000);
  EXPECT_EQ(PredictRequests(model, "", kMaxInputsPerRequest)->size(), 1u);
}

TEST(PredictRequestsTest, AFileThatDoesNotFitIsRefused) {
  const TestFiles files;
  const std::string other = files.Write("other", IdxBytes(IdxType::kUint8, {1, 2}, CountingBytes(2)));
  const std::string empty = files.Write("empty", IdxBytes(IdxType::kUint8, {0, 2, 3}, ""));
  for (const std::string& images : {other, empty}) {
    EXPECT_THAT(PredictRequests(SmallModel(v1::UINT8), images, 1),
                Fails(absl::StatusCode::kInvalidArgument, "FILE_MISMATCH"));
  }
}

class BenchCommandTest : public testing::Test, v1::ModelService::Service, v1::PredictionService::Service {
 protected:
  void SetUp() override {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::ModelService::Service*>(this));
    builder.RegisterService(static_cast<v1::PredictionService::Service*>(this));
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  Outcome Bench(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), {"--address", address_.c_str(), "bench", "predict", "m"});
    return RunExpunge(arguments);
  }

  std::atomic<bool> refuses_ = false;

 private:
  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*, v1::Model* response) override {
    *response = SmallModel(v1::UINT8);
    return grpc::Status::OK;
  }
  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest*, v1::PredictResponse*) override {
    return refuses_ ? grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no") : grpc::Status::OK;
  }

  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(BenchCommandTest, TellsRateAndPercentiles) {
  const Outcome outcome = Bench({"--rate", "1000", "--duration", "50ms", "--images-per-request", "4"});
  EXPECT_EQ(outcome.status, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("due at 1,000/s over 4 connections\n"));
  EXPECT_THAT(outcome.out, HasSubstr("answered  50 ("));
  EXPECT_THAT(outcome.out, HasSubstr("\np99.9 "));
}

TEST_F(BenchCommandTest, TellsTheSameInJson) {
  const Outcome outcome = Bench({"--rate", "1000", "--duration", "50ms", "--output", "json"});
  EXPECT_EQ(outcome.status, kExitOk) << outcome.err;
  google::protobuf::Struct report;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(outcome.out, &report).ok()) << outcome.out;
  EXPECT_EQ(report.fields().at("answered").number_value(), 50);
  EXPECT_EQ(report.fields().at("failed").number_value(), 0);
  EXPECT_EQ(report.fields().at("rateWanted").number_value(), 1000);
  const auto& latency = report.fields().at("latencySeconds").struct_value().fields();
  EXPECT_GT(latency.at("p50").number_value(), 0);
  EXPECT_LE(latency.at("p50").number_value(), latency.at("max").number_value());
}

TEST_F(BenchCommandTest, RequestsThatFailAreCountedAndAnError) {
  refuses_ = true;
  const Outcome outcome = Bench({"--rate", "1000", "--duration", "50ms"});
  EXPECT_EQ(outcome.status, kExitError);
  EXPECT_THAT(outcome.out, HasSubstr("failed    50 UNIMPLEMENTED\n"));
  EXPECT_THAT(outcome.err, HasSubstr("ABORTED (REQUESTS_FAILED): 50 of 50 requests failed"));
}

TEST_F(BenchCommandTest, AWrongOptionIsRefusedWithItsBounds) {
  struct {
    const char* option;
    const char* value;
    const char* message;
  } const wrong[] = {{"--connections", "0", "--connections: must be a whole number from 1 to 1000"},
                     {"--rate", "1000001", "--rate: must be a whole number from 1 to 1000000"},
                     {"--concurrency", "x", "--concurrency: must be a whole number from 1 to 100000"},
                     {"--images-per-request", "4097", "--images-per-request: must be a whole number from 1 to 4096"},
                     {"--duration", "25h", "--duration: must be a duration above 0 and up to 24h"}};
  for (const auto& [option, value, message] : wrong) {
    const Outcome outcome = Bench({option, value});
    EXPECT_EQ(outcome.status, kExitUsage);
    EXPECT_THAT(outcome.err, HasSubstr(message));
  }
}

}  // namespace
}  // namespace expunge::cli
