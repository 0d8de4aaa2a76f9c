#include "client/uuid.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(UuidTest, HasTheFormOfVersion4) {
  EXPECT_EQ(
      UuidFromBytes({0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}),
      "00112233-4455-4677-8899-aabbccddeeff");
  std::array<uint8_t, 16> ones;
  ones.fill(0xff);
  EXPECT_EQ(UuidFromBytes(ones), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(UuidTest, RandomOnesAreValidAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = RandomUuid();
    EXPECT_TRUE(IsUuid(uuid)) << uuid;
    EXPECT_EQ(uuid[14], '4') << uuid;
    EXPECT_THAT(uuid[19], testing::AnyOf('8', '9', 'a', 'b')) << uuid;
    seen.insert(uuid);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(UuidTest, RecognizesOnlyTheCanonicalForm) {
  EXPECT_TRUE(IsUuid("5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10"));
  EXPECT_TRUE(IsUuid("5F0C6D6E-1D0A-1B5E-9A55-0F3F1B1F6A10"));
  EXPECT_FALSE(IsUuid(""));
  EXPECT_FALSE(IsUuid("5f0c6d6e1d0a4b5e9a550f3f1b1f6a10"));
  EXPECT_FALSE(IsUuid("5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a1"));
  EXPECT_FALSE(IsUuid("5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a1g"));
  EXPECT_FALSE(IsUuid("5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10 "));
}

}  // namespace
}  // namespace expunge
