#include "admin/scan.h"

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
using ::testing::FieldsAre;

class ScanTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view content) const {
    std::ofstream(directory_ / name, std::ios::binary) << content;
  }

  const TempDir directory_;
};

TEST_F(ScanTest, ReportsTheLinesOfThePatternsThatItFinds) {
  Write("a", "....person-000042");
  Write("b", "person-000007person-000042");
  const auto report = Scan(directory_.path(), {{"person-000042", 5}, {"person-000001", 6}, {"person-000007", 9}});
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->hits, ElementsAre(FieldsAre("a", 4, 5), FieldsAre("b", 0, 9), FieldsAre("b", 13, 5)));
  EXPECT_EQ(report->hit_count, 3u);
  EXPECT_EQ(report->files, 2u);
  EXPECT_EQ(report->bytes, 17u + 26);
}

TEST_F(ScanTest, KeepsAHundredHitsAndCountsAll) {
  Write("a", std::string(1007, 'x'));
  const auto report = Scan(directory_.path(), {{"xxxxxxxx", 1}});
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->hits.size(), ScanReport::kMaxHits);
  EXPECT_EQ(report->hit_count, 1000u);
}

TEST_F(ScanTest, WhereThereIsNothingToBeSearchedNothingWasFoundEither) {
  EXPECT_THAT(Scan(directory_.path(), {{"xxxxxxxx", 1}}),
              Fails(absl::StatusCode::kFailedPrecondition, "NOTHING_SEARCHED"));
  Write("empty", "");
  EXPECT_THAT(Scan(directory_.path(), {{"xxxxxxxx", 1}}),
              Fails(absl::StatusCode::kFailedPrecondition, "NOTHING_SEARCHED"));
}

TEST_F(ScanTest, FollowsTheDirectoriesThatMayBeLinksAndCountsOthers) {
  const TempDir elsewhere;
  std::ofstream(elsewhere / "file") << "person-000042";
  std::filesystem::create_directory_symlink(elsewhere.path(), directory_ / "store");
  const auto followed = Scan(directory_.path(), {{"person-000042", 5}});
  ASSERT_THAT(followed, IsOk());
  EXPECT_THAT(followed->hits, ElementsAre(FieldsAre("store/file", 0, 5)));
  EXPECT_EQ(followed->links, 0u);
  std::filesystem::create_directory_symlink(elsewhere.path(), directory_ / "other");
  EXPECT_EQ(Scan(directory_.path(), {{"person-000042", 5}})->links, 1u);
}

TEST_F(ScanTest, SearchingForNothingOrWhereNothingIsIsAnError) {
  EXPECT_THAT(Scan(directory_.path(), {}), Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Scan(directory_.path(), {{"short", 1}}), Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_THAT(Scan(directory_ / "missing", {{"xxxxxxxx", 1}}), Fails(absl::StatusCode::kNotFound, "SEARCH_INCOMPLETE"));
}

}  // namespace
}  // namespace expunge
