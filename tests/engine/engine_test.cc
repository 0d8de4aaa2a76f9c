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

}  // namespace
}  // namespace expunge
