#include "tests/testing/metrics_page.h"

#include <limits>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

// The family of a sample: the name without labels and, for a histogram or a summary, without what it counts.
std::string FamilyOf(const std::string& sample, const std::map<std::string, std::string>& types) {
  const std::string name = sample.substr(0, sample.find('{'));
  for (const char* suffix : {"_bucket", "_sum", "_count"}) {
    absl::string_view stem = name;
    if (absl::ConsumeSuffix(&stem, suffix) && types.contains(std::string(stem))) return std::string(stem);
  }
  return name;
}

}  // namespace

void MetricsPage::Parse(const std::string& text) {
  EXPECT_TRUE(absl::EndsWith(text, "\n"));
  std::set<std::string> helped;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n', absl::SkipEmpty()))) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (words[0] == "#") {
      ASSERT_EQ(words.size(), 4) << line;
      if (words[1] == "HELP") {
        EXPECT_TRUE(helped.insert(words[2]).second) << line;
      } else {
        ASSERT_EQ(words[1], "TYPE") << line;
        EXPECT_TRUE(types_.emplace(words[2], words[3]).second) << line;
      }
      continue;
    }
    const size_t space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos) << line;
    double value = 0;
    ASSERT_TRUE(absl::SimpleAtod(line.substr(space + 1), &value)) << line;
    const std::string sample = line.substr(0, space);
    EXPECT_TRUE(samples_.emplace(sample, value).second) << line;
    EXPECT_TRUE(types_.contains(FamilyOf(sample, types_))) << line;
    EXPECT_TRUE(helped.contains(FamilyOf(sample, types_))) << line;
  }
}

double MetricsPage::operator[](const std::string& sample) const {
  const auto found = samples_.find(sample);
  if (found != samples_.end()) return found->second;
  ADD_FAILURE() << "the page has no " << sample;
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace expunge
