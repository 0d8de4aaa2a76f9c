#include "base/status_macros.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace expunge {
namespace {

absl::StatusOr<std::unique_ptr<int>> Make(int value) {
  if (value < 0) return absl::OutOfRangeError("negative");
  return std::make_unique<int>(value);
}

absl::Status Check(int value) { return Make(value).status(); }

absl::StatusOr<int> Sum(int first, int second) {
  RETURN_IF_ERROR(Check(first));
  ASSIGN_OR_RETURN(const std::unique_ptr<int> a, Make(first));
  ASSIGN_OR_RETURN(std::unique_ptr<int> b, Make(second));
  return *a + *b;
}

TEST(StatusMacrosTest, PassValuesOn) { EXPECT_EQ(*Sum(2, 3), 5); }

TEST(StatusMacrosTest, ReturnTheFirstError) {
  EXPECT_EQ(Sum(-1, 3).status(), absl::OutOfRangeError("negative"));
  EXPECT_EQ(Sum(1, -3).status(), absl::OutOfRangeError("negative"));
}

TEST(StatusMacrosTest, EvaluateTheExpressionOnce) {
  int calls = 0;
  const auto run = [&]() -> absl::Status {
    RETURN_IF_ERROR((++calls, absl::OkStatus()));
    ASSIGN_OR_RETURN(const int value, (++calls, absl::StatusOr<int>(1)));
    return value == 1 ? absl::OkStatus() : absl::InternalError("another value");
  };
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace expunge
