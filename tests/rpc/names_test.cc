#include "rpc/names.h"

#include <string>

#include "absl/strings/ascii.h"
#include "base/error.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

constexpr char kUuid[] = "01234567-89ab-cdef-0123-456789abcdef";

TEST(UuidTest, IsReadInUpperAndLowerCaseAndWrittenInLower) {
  const absl::StatusOr<Uuid> uuid = ParseUuid(kUuid, "request_id");
  ASSERT_TRUE(uuid.ok());
  EXPECT_EQ((*uuid)[1], 0x23);
  EXPECT_EQ((*uuid)[15], 0xef);
  EXPECT_EQ(*ParseUuid(absl::AsciiStrToUpper(kUuid), "request_id"), *uuid);
  EXPECT_EQ(FormatUuid({reinterpret_cast<const char*>(uuid->data()), uuid->size()}), kUuid);
}

TEST(UuidTest, WhatIsNoneIsRefusedAndNotRepeated) {
  for (const char* text : {"", "secret", "0123456789abcdef0123456789abcdef", "{01234567-89ab-cdef-0123-456789abcde}",
                           "01234567-89ab-cdef-0123-456789abcdeg", "01234567-89ab-cdef-0123-456789abcdef0",
                           "012345678-9ab-cdef-0123-456789abcdef"}) {
    const absl::Status status = ParseUuid(text, "request_id").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_EQ(FieldOf(status), "request_id");
    EXPECT_EQ(status.message().find("secret"), std::string::npos);
  }
}

TEST(ModelNameTest, GoesThereAndBack) {
  EXPECT_EQ(*ParseModelName("models/fashion-mnist", "name"), "fashion-mnist");
  EXPECT_EQ(FormatModelName("fashion-mnist"), "models/fashion-mnist");
}

TEST(ModelNameTest, WhatIsNoneIsRefused) {
  for (const std::string& name : {std::string(), std::string("m"), std::string("models/"), std::string("model/m"),
                                  std::string("models/M"), std::string("models/a/b"), std::string("models/1a"),
                                  std::string("models/a-"), "models/" + std::string(64, 'a')}) {
    const absl::Status status = ParseModelName(name, "models[2]").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name;
    EXPECT_EQ(FieldOf(status), "models[2]");
  }
}

TEST(ErasureNameTest, GoesThereAndBack) {
  const absl::StatusOr<std::string> uuid = ParseErasureName(std::string("erasures/") + kUuid, "name");
  ASSERT_TRUE(uuid.ok());
  EXPECT_EQ(uuid->size(), 16);
  EXPECT_EQ(FormatErasureName(*uuid), std::string("erasures/") + kUuid);
  EXPECT_FALSE(ParseErasureName(kUuid, "name").ok());
  EXPECT_FALSE(ParseErasureName("erasures/1", "name").ok());
}

TEST(PageSizeTest, ZeroIsTheDefaultTooMuchIsTheMaximumNegativeIsAnError) {
  EXPECT_EQ(*ParsePageSize(0), 100);
  EXPECT_EQ(*ParsePageSize(7), 7);
  EXPECT_EQ(*ParsePageSize(1'000'000), 1000);
  EXPECT_EQ(FieldOf(ParsePageSize(-1).status()), "page_size");
}

TEST(PageTokenTest, GoesThereAndBack) {
  EXPECT_EQ(*ParseSequencePageToken(SequencePageToken(123'456'789'012)), 123'456'789'012);
  EXPECT_EQ(*ParseIdPageToken(IdPageToken("fashion-mnist")), "fashion-mnist");
}

TEST(PageTokenTest, NoneIsTheFirstPage) {
  EXPECT_EQ(*ParseSequencePageToken(""), 0);
  EXPECT_EQ(*ParseIdPageToken(""), "");
}

TEST(PageTokenTest, AnothersOrABrokenOneIsRefused) {
  for (const std::string& token :
       {IdPageToken("m"), std::string("*"), std::string("AA"), SequencePageToken(1) + "AAAA"}) {
    EXPECT_EQ(FieldOf(ParseSequencePageToken(token).status()), "page_token") << token;
  }
  EXPECT_EQ(FieldOf(ParseIdPageToken(SequencePageToken(1)).status()), "page_token");
}

}  // namespace
}  // namespace expunge
