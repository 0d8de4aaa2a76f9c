#include "unlearning/regulation.h"

#include <ostream>
#include <string>

#include "gtest/gtest.h"

namespace expunge {
namespace {

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string problem;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &problem)) << problem;
  return time;
}

struct DueCase {
  Regulation regulation;
  std::string received;
  std::string due;

  friend void PrintTo(const DueCase& due_case, std::ostream* out) { *out << due_case.received; }
};

class DueTimeTest : public testing::TestWithParam<DueCase> {};

TEST_P(DueTimeTest, IsCountedFromReceipt) {
  EXPECT_EQ(DueTime(GetParam().regulation, Utc(GetParam().received)), Utc(GetParam().due));
}

INSTANTIATE_TEST_SUITE_P(
    Gdpr, DueTimeTest,
    testing::Values(DueCase{Regulation::kGdpr, "2023-05-10T12:34:56Z", "2023-06-10T12:34:56Z"},
                    DueCase{Regulation::kGdpr, "2023-05-10T12:34:56.789012Z", "2023-06-10T12:34:56.789012Z"},
                    DueCase{Regulation::kGdpr, "2023-01-31T23:59:59Z", "2023-02-28T23:59:59Z"},
                    DueCase{Regulation::kGdpr, "2023-01-28T00:00:00Z", "2023-02-28T00:00:00Z"},
                    DueCase{Regulation::kGdpr, "2023-01-29T00:00:00Z", "2023-02-28T00:00:00Z"},
                    DueCase{Regulation::kGdpr, "2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z"},  // a leap year
                    DueCase{Regulation::kGdpr, "2100-01-31T00:00:00Z", "2100-02-28T00:00:00Z"},  // none
                    DueCase{Regulation::kGdpr, "2024-02-29T08:00:00Z", "2024-03-29T08:00:00Z"},
                    DueCase{Regulation::kGdpr, "2023-08-31T08:00:00Z", "2023-09-30T08:00:00Z"},
                    DueCase{Regulation::kGdpr, "2023-12-31T23:00:00Z", "2024-01-31T23:00:00Z"},
                    DueCase{Regulation::kGdpr, "2023-03-26T00:30:00+01:00",
                            "2023-04-25T23:30:00Z"}));  // UTC says the 25th

INSTANTIATE_TEST_SUITE_P(Ccpa, DueTimeTest,
                         testing::Values(DueCase{Regulation::kCcpa, "2023-01-01T10:00:00Z", "2023-02-15T10:00:00Z"},
                                         DueCase{Regulation::kCcpa, "2024-02-01T10:00:00Z", "2024-03-17T10:00:00Z"},
                                         DueCase{Regulation::kCcpa, "2023-12-01T10:00:00Z", "2024-01-15T10:00:00Z"}));

INSTANTIATE_TEST_SUITE_P(Other, DueTimeTest,
                         testing::Values(DueCase{Regulation::kOther, "2023-01-31T10:00:00Z", "2023-03-02T10:00:00Z"}));

}  // namespace
}  // namespace expunge
