#include "audit/log_signer.h"

#include <sys/stat.h>

#include <fstream>

#include "proof/log_event.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

class LogSignerTest : public EngineTest {
 protected:
  void SetUp() override {
    Open();
    model_ = CreateModel("m", SmallSpec(2, 2));
    IngestSubjects(*model_, 1, 8);
  }

  std::string File(const std::string& name) const { return options_.data_dir + "/" + name; }
  static std::string Read(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static void Write(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }
  absl::Status TryOpen(bool accept_rollback = false) {
    Engine::Options options = options_;
    options.log.accept_rollback = accept_rollback;
    auto engine = Engine::Open(options, &trainer_, &clock_);
    if (engine.ok()) engine_ = *std::move(engine);
    return engine.status();
  }
  LogSigner::Signed Sign() {
    const auto signed_now = engine_->log_signer().Sign();
    EXPECT_THAT(signed_now, IsOk());
    return *signed_now;
  }
  // The data directory as it is now, without its key and checkpoint files; and back again.
  void SaveKeyring() {
    std::filesystem::copy(File("keyring"), dir_ / "saved", std::filesystem::copy_options::recursive);
  }
  void RestoreKeyring() {
    std::filesystem::remove_all(File("keyring"));
    std::filesystem::copy(dir_ / "saved", File("keyring"), std::filesystem::copy_options::recursive);
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(LogSignerTest, WhatItSignsIsTheLogAsItIs) {
  Forget(1);
  const LogSigner::Signed newest = Sign();
  EXPECT_EQ(newest.checkpoint.tree_size, engine_->keyring().log().size());
  EXPECT_EQ(newest.checkpoint.root, engine_->keyring().log().head().root);
  const auto opened = OpenLogCheckpoint(newest.note, engine_->log_signer().verifier_key());
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened, newest.checkpoint);
  EXPECT_EQ(Read(File("log.checkpoint")), newest.note);
}

TEST_F(LogSignerTest, TheKeyStaysAndIsItsOwnersAlone) {
  const VerifierKey key = engine_->log_signer().verifier_key();
  struct stat attributes;
  ASSERT_EQ(stat(File("log.key").c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0600);
  Reopen();
  EXPECT_EQ(engine_->log_signer().verifier_key(), key);
}

TEST_F(LogSignerTest, AKeyThatOthersMayReadIsRefused) {
  Close();
  ASSERT_EQ(chmod(File("log.key").c_str(), 0644), 0);
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_KEY_MODE"));
}

TEST_F(LogSignerTest, WithoutTheKeyThatSignedBeforeItDoesNotStart) {
  Forget(1);
  Close();
  std::filesystem::remove(File("log.key"));
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_KEY_MISSING"));
  EXPECT_THAT(TryOpen(/*accept_rollback=*/true), Fails(kRefused, "LOG_KEY_MISSING"));
}

TEST_F(LogSignerTest, AnotherKeyIsRefused) {
  Forget(1);
  Close();
  Write(File("log.key"), SigningKey::Generate().ToPem());
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_CHECKPOINT_WRONG"));
  Write(File("log.key"), "no key");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_KEY_WRONG"));
}

TEST_F(LogSignerTest, AMissingCheckpointIsNotTakenForANewLog) {
  Forget(1);
  Close();
  std::filesystem::remove(File("log.checkpoint"));
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_CHECKPOINT_MISSING"));
  EXPECT_THAT(TryOpen(/*accept_rollback=*/true), IsOk());
}

TEST_F(LogSignerTest, ALogThatWasRolledBackIsRefusedUntilAccepted) {
  Forget(1);
  Close();
  SaveKeyring();
  ASSERT_THAT(TryOpen(), IsOk());
  Forget(2);
  const LogSigner::Signed lost = Sign();
  Close();
  // The whole engine would refuse it already for what the main store knows of the keyring.
  RestoreKeyring();
  const auto keyring = Keyring::Open({.path = File("keyring"), .master_key_file = File("master.key")});
  ASSERT_THAT(keyring, IsOk());
  LogSigner::Options options = {.key_file = File("log.key"), .checkpoint_file = File("log.checkpoint")};
  const auto refused = LogSigner::Open(options, keyring->get(), &clock_);
  EXPECT_THAT(refused.status(), Fails(kRefused, "LOG_ROLLED_BACK"));

  options.accept_rollback = true;
  const uint64_t size = (*keyring)->log().size();
  ASSERT_THAT(LogSigner::Open(options, keyring->get(), &clock_), IsOk());
  const auto entry = (*keyring)->log().Get(size);
  ASSERT_TRUE(entry.ok() && entry->has_value());
  const auto event = ParseLogEvent((*entry)->leaf);
  ASSERT_THAT(event, IsOk());
  EXPECT_EQ(std::get<LogRollbackAccepted>(*event).lost_size, lost.checkpoint.tree_size);
  EXPECT_EQ(std::get<LogRollbackAccepted>(*event).lost_root, lost.checkpoint.root);
  options.accept_rollback = false;
  EXPECT_THAT(LogSigner::Open(options, keyring->get(), &clock_), IsOk());
}

TEST_F(LogSignerTest, AnEntryThatWasChangedIsRefused) {
  Forget(1);
  Sign();
  Close();
  const std::string note = Read(File("log.checkpoint"));
  // A log of the same name, key and size with other entries.
  const auto key = SigningKey::FromPem(Read(File("log.key")));
  ASSERT_THAT(key, IsOk());
  auto checkpoint = OpenLogCheckpoint(note, MakeVerifierKey(note.substr(0, note.find('\n')), key->public_key()));
  ASSERT_THAT(checkpoint, IsOk());
  checkpoint->root[0] ^= 1;
  Write(File("log.checkpoint"), *SignLogCheckpoint(*checkpoint, *key));
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_ROLLED_BACK"));
  Write(File("log.checkpoint"), "damaged");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "LOG_CHECKPOINT_WRONG"));
}

TEST_F(LogSignerTest, ALogThatGrewIsSignedWithoutBeingAsked) {
  Forget(1);
  const uint64_t size = engine_->keyring().log().size();
  LogSigner& signer = engine_->log_signer();
  EXPECT_TRUE(WaitUntil({&signer.changes()}, [&] { return signer.newest().checkpoint.tree_size >= size; }));
  EXPECT_EQ(Read(File("log.checkpoint")), signer.newest().note);
}

}  // namespace
}  // namespace expunge
