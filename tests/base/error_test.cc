#include "base/error.h"

#include <string>

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(ErrorTest, CarriesCodeReasonAndMessage) {
  const absl::Status status = Error(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND", "no such model");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no such model");
  EXPECT_EQ(ReasonOf(status), "MODEL_NOT_FOUND");
  EXPECT_EQ(FieldOf(status), "");
  EXPECT_EQ(RetryAfterOf(status), std::nullopt);
}

TEST(ErrorTest, InvalidFieldNamesTheField) {
  const absl::Status status = InvalidField("sisa.shards", "must be from 1 to 1024, is 0");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "sisa.shards must be from 1 to 1024, is 0");
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELD");
  EXPECT_EQ(FieldOf(status), "sisa.shards");
}

TEST(ErrorTest, RetryAfterIsRoundedUpToMilliseconds) {
  const absl::Status busy = Error(absl::StatusCode::kUnavailable, "BUSY", "busy");
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(busy, absl::Seconds(3))), absl::Seconds(3));
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(busy, absl::Microseconds(1))), absl::Milliseconds(1));
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(busy, absl::ZeroDuration())), absl::ZeroDuration());
  EXPECT_EQ(ReasonOf(WithRetryAfter(busy, absl::Seconds(3))), "BUSY");
}

TEST(ErrorTest, DetailsSurviveCopies) {
  absl::Status status = WithRetryAfter(InvalidField("labels", "must be unique"), absl::Seconds(1));
  const absl::Status copy = status;
  status = absl::OkStatus();
  EXPECT_EQ(ReasonOf(copy), "INVALID_FIELD");
  EXPECT_EQ(FieldOf(copy), "labels");
  EXPECT_EQ(RetryAfterOf(copy), absl::Seconds(1));
}

TEST(ErrorTest, OtherStatusesHaveNoDetails) {
  for (const absl::Status& status : {absl::OkStatus(), absl::InternalError("broken")}) {
    EXPECT_EQ(ReasonOf(status), "");
    EXPECT_EQ(FieldOf(status), "");
    EXPECT_EQ(RetryAfterOf(status), std::nullopt);
  }
}

TEST(ErrorTest, TakesTextThatIsNotTerminated) {
  const std::string text = "labels must be unique";
  const absl::Status status = InvalidField(std::string_view(text).substr(0, 6), std::string_view(text).substr(7, 4));
  EXPECT_EQ(status.message(), "labels must");
  EXPECT_EQ(FieldOf(status), "labels");
}

}  // namespace
}  // namespace expunge
