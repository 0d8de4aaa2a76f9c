#include "storage/pattern_set.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using ::testing::UnorderedElementsAreArray;

using Places = std::vector<std::pair<size_t, size_t>>;  // offset, pattern

PatternSet SetOf(std::vector<std::string> patterns) {
  auto set = PatternSet::Create(std::move(patterns));
  EXPECT_THAT(set, IsOk());
  return *std::move(set);
}

Places Find(const PatternSet& set, std::string_view text) {
  Places places;
  set.Find(text, [&](size_t offset, size_t pattern) { places.emplace_back(offset, pattern); });
  return places;
}

// The slow, obvious way.
Places FindOneByOne(const std::vector<std::string>& patterns, std::string_view text) {
  Places places;
  for (size_t i = 0; i < patterns.size(); ++i) {
    for (auto at = text.begin();; ++at) {
      at = std::search(at, text.end(), patterns[i].begin(), patterns[i].end());
      if (at == text.end()) break;
      places.emplace_back(at - text.begin(), i);
    }
  }
  return places;
}

void ExpectAsOneByOne(const std::vector<std::string>& patterns, std::string_view text) {
  EXPECT_THAT(Find(SetOf(patterns), text), UnorderedElementsAreArray(FindOneByOne(patterns, text)));
}

std::string RandomText(std::mt19937& generator, size_t size, int letters) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(generator() % static_cast<unsigned>(letters));
  return text;
}

TEST(PatternSetTest, FindsWhatASearchOneByOneFinds) {
  std::mt19937 generator(1);
  size_t found = 0;
  for (int round = 0; round < 600; ++round) {
    const int letters = round % 3 == 0 ? 2 : round % 3 == 1 ? 5 : 256;
    std::string text = RandomText(generator, generator() % 700, letters);
    std::vector<std::string> patterns;
    const size_t count = 1 + generator() % 40;
    while (patterns.size() < count) {
      const size_t size = PatternSet::kMinBytes + generator() % (round % 5 == 0 ? 60 : 6);
      if (generator() % 2 == 0 && text.size() > size) {  // a part of the text, so that there is something to find
        patterns.push_back(text.substr(generator() % (text.size() - size), size));
      } else {
        patterns.push_back(RandomText(generator, size, letters));
      }
    }
    ExpectAsOneByOne(patterns, text);
    found += FindOneByOne(patterns, text).size();
  }
  EXPECT_GT(found, 6000u);
}

TEST(PatternSetTest, FindsAPatternAtEveryOffsetOfEveryLength) {
  std::mt19937 generator(2);
  for (size_t size = PatternSet::kMinBytes; size < 24; ++size) {
    const std::string pattern = RandomText(generator, size, 256);
    const PatternSet set = SetOf({pattern});
    for (size_t before = 0; before < 9; ++before) {
      for (size_t after = 0; after < 9; ++after) {
        const std::string text = std::string(before, 'x') + pattern + std::string(after, 'x');
        EXPECT_EQ(Find(set, text), Places({{before, 0}})) << size << " bytes, " << before << " before";
        EXPECT_EQ(Find(set, text.substr(0, before + size - 1)), Places()) << size << " bytes, cut at the end";
        EXPECT_EQ(Find(set, text.substr(before + 1)), Places()) << size << " bytes, cut at the beginning";
      }
    }
  }
}

TEST(PatternSetTest, FindsPatternsThatOverlapOrAreEqualOrLieInOneAnother) {
  ExpectAsOneByOne({"abababab", "babababa", "abababab", "abababababab"}, "xxababababababababababxx");
  ExpectAsOneByOne({"the whole text", "whole text", "the whol", "hole tex"}, "the whole text");
  ExpectAsOneByOne({std::string(8, '\0'), std::string(9, '\0')}, std::string(50, '\0'));
  ExpectAsOneByOne({"person-000001", "person-000002", "person-0000011"}, "person-0000011person-000002person-00000");
}

TEST(PatternSetTest, FindsEachOfAHundredThousand) {
  std::vector<std::string> patterns;
  std::string text;
  Places expected;
  for (size_t i = 0; i < 100'000; ++i) {
    patterns.push_back("person-" + std::to_string(1'000'000 + i));
    if (i % 7 != 0) continue;
    expected.emplace_back(text.size(), i);
    text += patterns.back() + "-";
  }
  EXPECT_EQ(Find(SetOf(patterns), text), expected);  // far apart, so in order
}

TEST(PatternSetTest, ATextThatIsTooShortHoldsNothing) {
  const PatternSet set = SetOf({"12345678"});
  for (size_t size = 0; size < 8; ++size) EXPECT_EQ(Find(set, std::string_view("12345678", size)), Places());
}

TEST(PatternSetTest, PatternsThatAreTooShortAreRefusedByIndex) {
  const auto short_one = PatternSet::Create({"long enough", "secrets"});
  EXPECT_THAT(short_one, Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(short_one.status().message(), "patterns[1] must have at least 8 bytes, has 7");
  EXPECT_THAT(PatternSet::Create({}), Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST(PatternSetTest, KnowsTheLongest) { EXPECT_EQ(SetOf({"12345678", "1234567890", "123456789"}).longest(), 10u); }

}  // namespace
}  // namespace expunge
