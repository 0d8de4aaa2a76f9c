#include "client/names.h"

#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(NamesTest, TheCollectionMayBeLeftOut) {
  EXPECT_EQ(ModelName("fashion-mnist"), "models/fashion-mnist");
  EXPECT_EQ(ModelName("models/fashion-mnist"), "models/fashion-mnist");
  EXPECT_EQ(ErasureName("5f0c6d6e"), "erasures/5f0c6d6e");
  EXPECT_EQ(ErasureName("erasures/5f0c6d6e"), "erasures/5f0c6d6e");
}

TEST(NamesTest, TheShortNameIsTheLastPart) {
  EXPECT_EQ(ShortName("models/fashion-mnist"), "fashion-mnist");
  EXPECT_EQ(ShortName("fashion-mnist"), "fashion-mnist");
  EXPECT_EQ(ShortName(""), "");
}

}  // namespace
}  // namespace expunge
