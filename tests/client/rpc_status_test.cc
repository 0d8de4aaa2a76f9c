#include "client/rpc_status.h"

#include <grpcpp/support/status.h>

#include "base/error.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

using ::testing::HasSubstr;

constexpr char kAddress[] = "example:7400";

grpc::Status WithDetails(grpc::StatusCode code, const std::string& message,
                         const std::vector<const google::protobuf::Message*>& details) {
  google::rpc::Status status;
  for (const auto* detail : details) status.add_details()->PackFrom(*detail);
  return grpc::Status(code, message, status.SerializeAsString());
}

google::rpc::ErrorInfo Info(const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("expunge");
  return info;
}

TEST(RpcStatusTest, OkIsOk) { EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK, kAddress).ok()); }

TEST(RpcStatusTest, CarriesReasonAndMetadata) {
  google::rpc::ErrorInfo info = Info("DISK_FULL");
  (*info.mutable_metadata())["samplesCommitted"] = "1234";
  const absl::Status status =
      FromGrpcStatus(WithDetails(grpc::StatusCode::RESOURCE_EXHAUSTED, "the disk is full", {&info}), kAddress);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "the disk is full");
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_EQ(MetadataOf(status, "samplesCommitted"), "1234");
  EXPECT_EQ(MetadataOf(status, "batchesCommitted"), "");
}

TEST(RpcStatusTest, CarriesTheFieldInEitherOrder) {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field("sisa.shards");
  violation->set_description("must be from 1 to 1024, is 0");
  const google::rpc::ErrorInfo info = Info("SOME_REASON");
  using Details = std::vector<const google::protobuf::Message*>;
  for (const Details& details : {Details{&info, &bad_request}, Details{&bad_request, &info}}) {
    const absl::Status status = FromGrpcStatus(
        WithDetails(grpc::StatusCode::INVALID_ARGUMENT, "sisa.shards must be from 1 to 1024, is 0", details), kAddress);
    EXPECT_EQ(FieldOf(status), "sisa.shards");
    EXPECT_EQ(ReasonOf(status), "SOME_REASON");
    EXPECT_EQ(status.message(), "sisa.shards must be from 1 to 1024, is 0");
  }
}

TEST(RpcStatusTest, CarriesTheRetryTime) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(2);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  const google::rpc::ErrorInfo info = Info("SHUTTING_DOWN");
  const absl::Status status =
      FromGrpcStatus(WithDetails(grpc::StatusCode::UNAVAILABLE, "shutting down", {&info, &retry}), kAddress);
  EXPECT_EQ(RetryAfterOf(status), absl::Milliseconds(2500));
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  EXPECT_EQ(status.message(), "shutting down");
}

TEST(RpcStatusTest, NamesTheAddressWhenNobodyAnswers) {
  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "Connection refused"), kAddress);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "SERVER_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("no connection to example:7400; is expunged running there?"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("Connection refused"));
}

TEST(RpcStatusTest, NamesTheTimeoutWhenTheAnswerIsLate) {
  const grpc::Status late(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  const absl::Status status = FromGrpcStatus(late, kAddress, absl::Seconds(60));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(status), "NO_ANSWER_IN_TIME");
  EXPECT_EQ(status.message(), "example:7400 gave no answer within 1m");
}

TEST(RpcStatusTest, DetailsThatCannotBeReadAreIgnored) {
  const absl::Status status = FromGrpcStatus(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff"), kAddress);
  EXPECT_EQ(status, absl::NotFoundError("gone"));
}

}  // namespace
}  // namespace expunge
