#include "rpc/status.h"

#include "absl/time/time.h"
#include "base/error.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

TEST(ToGrpcStatusTest, OkStaysOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok()); }

TEST(ToGrpcStatusTest, EveryCodeAndTheMessageStay) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status =
        ToGrpcStatus(Error(static_cast<absl::StatusCode>(code), "SOME_REASON", "what happened"));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "what happened");
    google::rpc::Status details;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    EXPECT_EQ(details.code(), code);
    EXPECT_EQ(details.message(), "what happened");
  }
}

TEST(ToGrpcStatusTest, CarriesReasonDomainAndMetadata) {
  const grpc::Status status =
      ToGrpcStatus(Error(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND", "no"), {{"key", "value"}});
  const google::rpc::ErrorInfo info = ErrorInfoOf(status);
  EXPECT_EQ(info.reason(), "MODEL_NOT_FOUND");
  EXPECT_EQ(info.domain(), "expunge");
  EXPECT_EQ(info.metadata().at("key"), "value");
  EXPECT_EQ(FieldOf(status), "");
  EXPECT_FALSE(HasRetryInfo(status));
}

TEST(ToGrpcStatusTest, AnErrorWithoutReasonHasTheNameOfItsCode) {
  EXPECT_EQ(ErrorInfoOf(ToGrpcStatus(absl::InternalError("oops"))).reason(), "INTERNAL");
}

TEST(ToGrpcStatusTest, NamesTheField) {
  const grpc::Status status = ToGrpcStatus(InvalidField("sisa.shards", "must be from 1 to 1024, is 0"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "sisa.shards must be from 1 to 1024, is 0");
  EXPECT_EQ(FieldOf(status), "sisa.shards");
}

google::protobuf::Duration RetryDelay(const absl::Status& error) {
  google::rpc::Status details;
  details.ParseFromString(ToGrpcStatus(error).error_details());
  google::rpc::RetryInfo retry;
  details.details(details.details_size() - 1).UnpackTo(&retry);
  return retry.retry_delay();
}

TEST(ToGrpcStatusTest, WhatMayBeRetriedSaysWhen) {
  const absl::Status busy = Error(absl::StatusCode::kUnavailable, "NO_CONSTITUENTS", "wait");
  EXPECT_EQ(RetryDelay(busy).seconds(), 1);
  const google::protobuf::Duration delay = RetryDelay(WithRetryAfter(busy, absl::Milliseconds(2500)));
  EXPECT_EQ(delay.seconds(), 2);
  EXPECT_EQ(delay.nanos(), 500'000'000);
  EXPECT_TRUE(HasRetryInfo(ToGrpcStatus(Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"))));
}

}  // namespace
}  // namespace expunge
