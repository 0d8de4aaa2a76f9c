#include "admin/pattern_file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::FieldsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PatternFileTest : public testing::Test {
 protected:
  absl::StatusOr<std::vector<Pattern>> Read(std::string_view content) const {
    std::ofstream(path_, std::ios::binary) << content;
    return ReadPatternFile(path_);
  }

  void ExpectRefused(std::string_view content, const std::string& problem) const {
    const auto patterns = Read(content);
    EXPECT_THAT(patterns, Fails(absl::StatusCode::kInvalidArgument, "INVALID_PATTERN")) << content;
    EXPECT_EQ(patterns.status().message(), path_ + ": " + problem);
  }

  const TempDir directory_;
  const std::string path_ = directory_ / "patterns";
};

TEST_F(PatternFileTest, ReadsEachKindOfPatternWithItsLine) {
  const auto patterns = Read(
      "# whom we forgot\n"
      "\n"
      "text:person-000042\n"
      "hex:00fF10a2B3c4d5e6\n"
      "base64:AP8QorPE1eY=");
  ASSERT_THAT(patterns, IsOk());
  const std::string bytes("\x00\xff\x10\xa2\xb3\xc4\xd5\xe6", 8);
  EXPECT_THAT(*patterns, ElementsAre(FieldsAre("person-000042", 3), FieldsAre(bytes, 4), FieldsAre(bytes, 5)));
}

TEST_F(PatternFileTest, TextIsTakenAsItStands) {
  const auto patterns = Read("text: Zoë # 1 \ntext:text:hex:\r\n\r\n");
  ASSERT_THAT(patterns, IsOk());
  EXPECT_THAT(*patterns, ElementsAre(FieldsAre(" Zoë # 1 ", 1), FieldsAre("text:hex:", 2)));
}

TEST_F(PatternFileTest, RefusesWhatItDoesNotUnderstandAndNamesTheLine) {
  ExpectRefused("text:12345678\nperson-000042\n", "line 2 must begin with \"text:\", \"hex:\" or \"base64:\"");
  ExpectRefused(" text:12345678\n", "line 1 must begin with \"text:\", \"hex:\" or \"base64:\"");
  const std::string no_hex = "must have hexadecimal digits alone after \"hex:\", two for each byte";
  ExpectRefused("#\nhex:00ff10a2b3c4d5e6f\n", "line 2 " + no_hex);
  ExpectRefused("hex:00ff10a2b3c4d5e6 7\n", "line 1 " + no_hex);
  ExpectRefused("hex:0x00ff10a2b3c4d5e6\n", "line 1 " + no_hex);
  ExpectRefused("base64:AP8*orPE1eY=\n", "line 1 must have base64 (RFC 4648, section 4) after \"base64:\"");
}

TEST_F(PatternFileTest, RefusesPatternsOfFewerThanEightBytes) {
  ExpectRefused("text:1234567\n", "line 1 must give at least 8 bytes, gives 7");
  ExpectRefused("hex:00112233445566\n", "line 1 must give at least 8 bytes, gives 7");
  ExpectRefused("text:12345678\nbase64:\n", "line 2 must give at least 8 bytes, gives 0");
}

TEST_F(PatternFileTest, AFileWithoutPatternsIsRefused) {
  ExpectRefused("", "has no pattern");
  ExpectRefused("# nothing\n\n", "has no pattern");
}

TEST_F(PatternFileTest, AFileWithoutAnEndIsRefusedAndTheBoundNamed) {
  const auto endless = ReadPatternFile("/dev/zero");
  EXPECT_THAT(endless, Fails(absl::StatusCode::kInvalidArgument, "PATTERN_FILE_TOO_LARGE"));
  EXPECT_EQ(endless.status().message(), "/dev/zero: must have at most 67108864 bytes, has more");
}

TEST_F(PatternFileTest, AFileOfTheLargestSizeIsRead) {
  std::string content = "text:person-000042\n#";
  content.resize(kMaxPatternFileBytes, 'x');
  EXPECT_EQ(Read(content)->size(), 1u);
  EXPECT_THAT(Read(content + 'x'), Fails(absl::StatusCode::kInvalidArgument, "PATTERN_FILE_TOO_LARGE"));
}

TEST_F(PatternFileTest, AnErrorNeverHasThePattern) {
  for (const char* content : {"secret-of-ours\n", "text:secret\n", "hex:secret-of-ours\n", "base64:secret-of-ours\n"}) {
    EXPECT_THAT(std::string(Read(content).status().message()), Not(HasSubstr("secret"))) << content;
  }
}

TEST_F(PatternFileTest, AFileThatCannotBeReadIsAnError) {
  EXPECT_THAT(ReadPatternFile(path_), Fails(absl::StatusCode::kNotFound, "FILE_UNREADABLE"));
  const auto directory = ReadPatternFile(directory_.path());
  EXPECT_THAT(directory, Fails(absl::StatusCode::kUnavailable, "FILE_UNREADABLE"));
  EXPECT_THAT(std::string(directory.status().message()), EndsWith(": Is a directory"));
}

}  // namespace
}  // namespace expunge
