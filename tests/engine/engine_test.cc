#include "engine/engine.h"

#include <filesystem>

#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class EngineOpenTest : public EngineTest {
 protected:
  absl::Status TryOpen() { return Engine::Open(options_, &trainer_, &clock_).status(); }
};

TEST_F(EngineOpenTest, ASecondEngineOnTheSameDirectoryIsRefused) {
  Open();
  EXPECT_THAT(TryOpen(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_IN_USE"));
}

TEST_F(EngineOpenTest, OldDataIsNotOpenedWithANewKeyring) {
  Open();
  CreateModel("m", SmallSpec(1, 1));
  Close();
  ASSERT_GT(std::filesystem::remove_all(options_.data_dir + "/keyring"), 0u);
  EXPECT_THAT(TryOpen(), Fails(absl::StatusCode::kFailedPrecondition, "KEYRING_MISSING"));
}

TEST_F(EngineOpenTest, ADirectoryWithoutDataMayGetANewKeyring) {
  Open();
  Close();
  ASSERT_GT(std::filesystem::remove_all(options_.data_dir + "/keyring"), 0u);
  EXPECT_THAT(TryOpen(), IsOk());
}

TEST_F(EngineOpenTest, ADirectoryThatCannotBeSearchedIsRefusedBeforeAnythingIsMade) {
  const TempDir elsewhere;
  std::filesystem::create_directories(options_.data_dir);
  std::filesystem::create_directory_symlink(elsewhere.path(), options_.data_dir + "/archive");
  EXPECT_THAT(TryOpen(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_NOT_SEARCHABLE"));
  EXPECT_FALSE(std::filesystem::exists(options_.data_dir + "/store"));
  std::filesystem::remove(options_.data_dir + "/archive");
  EXPECT_THAT(TryOpen(), IsOk());
}

}  // namespace
}  // namespace expunge
