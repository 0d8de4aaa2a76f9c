#include "engine/engine.h"

#include <filesystem>

#include "storage/rocks_store.h"
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

// Nobody has data in it, but somebody may have been forgotten: a new keyring would not know.
TEST_F(EngineOpenTest, AnEmptyStoreThatWasInUseIsNotOpenedWithANewKeyring) {
  Open();
  Close();
  ASSERT_GT(std::filesystem::remove_all(options_.data_dir + "/keyring"), 0u);
  EXPECT_THAT(TryOpen(), Fails(absl::StatusCode::kFailedPrecondition, "KEYRING_MISSING"));
}

TEST_F(EngineOpenTest, AFirstStartThatWasCutShortIsRepeated) {
  const std::string store = options_.data_dir + "/store", keyring = options_.data_dir + "/keyring";
  ASSERT_THAT(OpenRocksStore({.path = store}), IsOk());
  EXPECT_THAT(TryOpen(), IsOk()) << "a store alone";
  std::filesystem::remove_all(options_.data_dir);
  const Keyring::Options options = {.path = keyring, .master_key_file = options_.data_dir + "/master.key"};
  std::filesystem::create_directory(options_.data_dir);
  ASSERT_THAT(Keyring::Open(options), IsOk());
  EXPECT_THAT(TryOpen(), IsOk()) << "a keyring that was not used yet";
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
