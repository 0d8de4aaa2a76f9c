#include "client/cli/format.h"

#include <sstream>

#include "client/cli/progress.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace expunge::cli {
namespace {

using ::testing::HasSubstr;

TEST(FormatTest, Counts) {
  EXPECT_EQ(ShowCount(0), "0");
  EXPECT_EQ(ShowCount(999), "999");
  EXPECT_EQ(ShowCount(1000), "1,000");
  EXPECT_EQ(ShowCount(1'234'567), "1,234,567");
  EXPECT_EQ(ShowCount(-999), "-999");
  EXPECT_EQ(ShowCount(-1000), "-1,000");
  EXPECT_EQ(Plural(1, "sample"), "1 sample");
  EXPECT_EQ(Plural(60'000, "sample"), "60,000 samples");
}

TEST(FormatTest, Rates) {
  EXPECT_EQ(ShowRate(850.4), "850/s");
  EXPECT_EQ(ShowRate(999.7), "1.0k/s");
  EXPECT_EQ(ShowRate(61'234), "61.2k/s");
  EXPECT_EQ(ShowRate(1'250'000), "1.2M/s");
}

TEST(FormatTest, Durations) {
  EXPECT_EQ(ShowDuration(absl::ZeroDuration()), "0 s");
  EXPECT_EQ(ShowDuration(absl::Microseconds(350)), "350 us");
  EXPECT_EQ(ShowDuration(absl::Microseconds(2450)), "2.45 ms");
  EXPECT_EQ(ShowDuration(absl::Milliseconds(118)), "118 ms");
  EXPECT_EQ(ShowDuration(absl::Microseconds(999'600)), "1.0 s");
  EXPECT_EQ(ShowDuration(absl::Milliseconds(1449)), "1.4 s");
  EXPECT_EQ(ShowDuration(absl::Milliseconds(59'960)), "1 min 00 s");
  EXPECT_EQ(ShowDuration(absl::Seconds(125)), "2 min 05 s");
  EXPECT_EQ(ShowDuration(absl::Minutes(192)), "3 h 12 min");
  EXPECT_EQ(ShowDuration(absl::Hours(98)), "4 d 2 h");
  EXPECT_EQ(ShowDuration(-absl::Seconds(2)), "-2.0 s");
}

TEST(FormatTest, TimesAreUtc) { EXPECT_EQ(ShowTime(absl::FromUnixSeconds(1'700'000'000)), "2023-11-14 22:13:20Z"); }

TEST(FormatTest, PercentAndShape) {
  EXPECT_EQ(ShowPercent(0.8731), "87.3%");
  EXPECT_EQ(ShowShape({28, 28}), "28x28");
  EXPECT_EQ(ShowShape({}), "scalar");
}

TEST(FormatTest, BarsFillTheirWidth) {
  EXPECT_EQ(ShowBar(0.5, 10, /*unicode=*/false), "#####-----");
  EXPECT_EQ(ShowBar(0.5, 3, /*unicode=*/true), "█▌ ");
  for (const double fraction : {-1.0, 0.0, 0.01, 0.33, 0.999, 1.0, 7.0, 0.0 / 0.0}) {
    EXPECT_EQ(DisplayWidth(ShowBar(fraction, 20, true)), 20u) << fraction;
    EXPECT_EQ(DisplayWidth(ShowBar(fraction, 20, false)), 20u) << fraction;
  }
}

TEST(FormatTest, WidthCountsCodePointsAndNoEscapes) {
  EXPECT_EQ(DisplayWidth("Größe"), 5u);
  EXPECT_EQ(DisplayWidth("\x1b[38;5;232m▀\x1b[0m"), 1u);
  EXPECT_EQ(FitWidth("Größe", 3), "Grö");
  EXPECT_EQ(FitWidth("Größe", 5), "Größe");
  EXPECT_EQ(FitWidth("Größe", 0), "");
}

TEST(FormatTest, TablesAlignNumbersToTheRight) {
  Table table({"MODEL", "SAMPLES", "STATE"});
  table.AddRow({"fashion-mnist", "60,000", "READY"});
  table.AddRow({"x", "7", ""});
  EXPECT_EQ(table.ToString(),
            "MODEL          SAMPLES  STATE\n"
            "fashion-mnist   60,000  READY\n"
            "x                    7\n");
}

TEST(FormatTest, FieldsAlignTheirValues) {
  Fields fields;
  fields.Add("state", "READY");
  fields.Add("architecture", "mlp");
  EXPECT_EQ(fields.ToString(), "state         READY\narchitecture  mlp\n");
}

TEST(FormatTest, ImagesPutTwoRowsIntoALine) {
  EXPECT_EQ(ShowImage({0, 1, 0, 1, 0.5f, 0}, 3, 2, /*color=*/false), " @\n: \n");
  EXPECT_EQ(ShowImage({0, 1}, 1, 2, /*color=*/true),
            "\x1b[38;5;232m\x1b[48;5;232m▀\x1b[38;5;255m\x1b[48;5;232m▀\x1b[0m\n");
}

TEST(ProgressTest, ATerminalSeesOneLineThatFits) {
  std::ostringstream out;
  {
    Progress progress(out, {.tty = true, .unicode = false, .width = 50}, /*quiet=*/false, "training");
    progress.Update(0.25, "16 of 64 slices");
    progress.Update(1, "64 of 64 slices");
  }
  EXPECT_THAT(out.str(), HasSubstr("training  [#######---------------------]"));
  EXPECT_THAT(out.str(), HasSubstr("\r\x1b[K"));
  EXPECT_EQ(out.str().back(), '\n');
  EXPECT_EQ(out.str().find('\n'), out.str().size() - 1);
}

TEST(ProgressTest, AFileGetsPlainLines) {
  std::ostringstream out;
  {
    Progress progress(out, {}, /*quiet=*/false, "training");
    progress.Update(0.01, "1 of 64 slices");
    progress.Update(1, "64 of 64 slices");
    progress.Update(1, "64 of 64 slices");
  }
  EXPECT_EQ(out.str(), "training  100%  64 of 64 slices\n");
}

TEST(ProgressTest, QuietSaysNothing) {
  std::ostringstream out;
  { Progress(out, {.tty = true}, /*quiet=*/true, "training").Update(1, ""); }
  EXPECT_EQ(out.str(), "");
}

TEST(RateMeterTest, AveragesOverTheTimeSinceItsStart) {
  const absl::Time start = absl::FromUnixSeconds(100);
  const RateMeter meter(start);
  EXPECT_EQ(meter.PerSecond(300, start + absl::Seconds(2)), 150);
  EXPECT_EQ(meter.PerSecond(300, start), 0);
  EXPECT_EQ(meter.Elapsed(start + absl::Seconds(2)), absl::Seconds(2));
}

}  // namespace
}  // namespace expunge::cli
