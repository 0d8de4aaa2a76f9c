// A main store and a keyring that do not belong together, and what a restore brings back.

#include "admin/restore.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "admin/check.h"
#include "gmock/gmock.h"
#include "storage/store_swap.h"
#include "storage/trace_search.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class RestoreTest : public EngineTest {
 protected:
  void OpenTrained() {
    Open();
    model_ = CreateModel("m", SmallSpec(1, 2));
    IngestSubjects(*model_, 1, 10);
    TrainAll(*model_);
  }
  void OpenAgain() {
    Open();
    model_ = FindModel("m");
  }

  void ExpectOutdated(const std::string& why) {
    const absl::Status refused = TryOpen();
    EXPECT_THAT(refused, Fails(kRefused, "KEYRING_OUTDATED"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr(why));
  }
  absl::Status TryOpen() { return Engine::Open(options_, &trainer_, &clock_).status(); }
  void Backup() { ASSERT_THAT(engine_->store().Backup(dir_ / "backups"), IsOk()); }
  absl::StatusOr<RestoreReport> TryRestore() {
    return Restore({.data_dir = options_.data_dir, .master_key_file = "", .backup_dir = dir_ / "backups"});
  }
  void RestoreStore(bool compared) {
    const auto restored = TryRestore();
    ASSERT_THAT(restored, IsOk());
    EXPECT_EQ(restored->compared, compared);
  }
  absl::StatusOr<CheckReport> Check() { return CheckDataDir({.data_dir = options_.data_dir, .master_key_file = ""}); }

  // Copies of the keyring, also beside an open engine, which may take a file away meanwhile.
  void SaveKeyring(const std::string& name) {
    if (engine_) {
      ASSERT_THAT(engine_->keyring().Sync(), IsOk());
    }
    std::error_code error;
    do {
      std::filesystem::remove_all(dir_ / name);
      std::filesystem::copy(Keyring(), dir_ / name, std::filesystem::copy_options::recursive, error);
    } while (error);
  }
  void PutKeyring(const std::string& name) {
    std::filesystem::remove_all(Keyring());
    std::filesystem::copy(dir_ / name, Keyring(), std::filesystem::copy_options::recursive);
  }
  // Leaves the keyrings from before and after it, and nothing open.
  void ForgetAfterABackup() {
    OpenTrained();
    Backup();
    Close();
    SaveKeyring("old");
    OpenAgain();
    ASSERT_TRUE(Completes(Forget(7)));
    Close();
    SaveKeyring("newest");
  }
  std::string Keyring() const { return options_.data_dir + "/keyring"; }
  std::string Store() const { return options_.data_dir + "/store"; }

  std::string CiphertextOf(int subject) {
    return *engine_->store().GetSample({model_->uid(), 0}, PseudonymOf(subject),
                                       SampleKeyFromBytes(RowOf(*model_, subject)->samples(0).key()));
  }
  bool IsInStore(const std::string& bytes) {
    const auto set = PatternSet::Create({bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)});
    EXPECT_THAT(set, IsOk());
    const auto report = SearchForTraces(*set, Store());
    EXPECT_THAT(report, IsOk());
    return report->hit_count > 0;
  }
  bool Completes(const records::Erasure& erasure) {
    return WaitUntil(*engine_, *model_, [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; });
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(RestoreTest, RefusesAnOldKeyringThatAStartRefuses) {
  ForgetAfterABackup();
  PutKeyring("old");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "KEYRING_OUTDATED"));
  EXPECT_THAT(TryRestore(), Fails(kRefused, "KEYRING_OUTDATED"));
  EXPECT_THAT(TryOpen(), Fails(kRefused, "KEYRING_OUTDATED")) << "nothing was replaced";
  PutKeyring("newest");
  RestoreStore(/*compared=*/true);
  PutKeyring("old");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "KEYRING_OUTDATED")) << "the restored store knows the newest one, too";
  PutKeyring("newest");
  OpenAgain();
  EXPECT_EQ(RowOf(*model_, 7), std::nullopt);
  EXPECT_TRUE(RowOf(*model_, 8).has_value());
}

TEST_F(RestoreTest, AStartMakesEveryEarlierCopyOfTheKeyringAnOldOne) {
  OpenTrained();
  Close();
  SaveKeyring("before the ingest");
  OpenAgain();
  IngestSubjects(*model_, 20, 5);
  Close();
  SaveKeyring("newest");
  PutKeyring("before the ingest");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "KEYRING_OUTDATED"));
  EXPECT_THAT(Check(), Fails(kRefused, "KEYRING_OUTDATED"));
  PutKeyring("newest");
  OpenAgain();
  EXPECT_TRUE(RowOf(*model_, 22).has_value()) << "nothing was removed";
}

// A copy of the disk of a running server.
TEST_F(RestoreTest, ACopyFromTheSameRunLacksAnErasureOfSomebodyWhoIsNotHeld) {
  OpenTrained();
  SaveKeyring("old");
  EXPECT_EQ(Forget(500).state(), records::Erasure::COMPLETED);
  Close();
  PutKeyring("old");
  ExpectOutdated("lacks the erasures 1 to 1");
}

TEST_F(RestoreTest, ACopyFromTheSameRunLacksADeletedModelOrANewOne) {
  OpenTrained();
  Backup();
  SaveKeyring("old");
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  Close();
  SaveKeyring("newest");
  PutKeyring("old");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "KEYRING_OUTDATED"));
  EXPECT_THAT(TryRestore(), Fails(kRefused, "KEYRING_OUTDATED"));
  PutKeyring("newest");
  Open();
  SaveKeyring("old");
  CreateModel("n", SmallSpec(1, 1));
  Close();
  PutKeyring("old");
  ExpectOutdated("has numbered 1 models, and the main store has model 2");
}

TEST_F(RestoreTest, ACopyFromTheSameRunWithoutSomeonesKeyIsNotSound) {
  OpenTrained();
  Forget(3);
  SaveKeyring("old");
  IngestSubjects(*model_, 20, 5);
  Close();
  auto report = Check();
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, IsEmpty());
  PutKeyring("old");
  report = Check();
  ASSERT_THAT(report, IsOk());
  ASSERT_THAT(report->problems, SizeIs(1));
  EXPECT_THAT(report->problems.front(), HasSubstr("5 of its subjects have no key, and no erasure says why"));
}

TEST_F(RestoreTest, TheForgottenOfABackupAreWasteAndNoProblem) {
  OpenTrained();
  Backup();
  ASSERT_TRUE(Completes(Forget(3)));
  Forget(4);
  Ingest(*model_, {{4, 0}}, /*new_consent=*/true);
  ForgetRequest some = RequestFor(5);
  some.sample_ids = {"sample 0", "sample 1"};
  ASSERT_THAT(engine_->unlearner().Forget(some), IsOk());
  Close();
  ASSERT_THAT(TryRestore(), IsOk());
  const auto report = Check();
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_EQ(report->dead_subjects, 3);
  EXPECT_EQ(report->subjects, 7);
  EXPECT_EQ(report->keys_without_samples, 1) << "the subject that came back after the backup";
}

TEST_F(RestoreTest, AnothersKeyringOrBackupIsRefusedBeforeAnythingIsRemoved) {
  const std::string ours = options_.data_dir;
  OpenTrained();
  Close();
  options_.data_dir = dir_ / "another";
  options_.pepper = Sha256("another pepper");
  OpenTrained();
  Backup();
  Close();
  const std::string theirs = options_.data_dir;
  options_.data_dir = ours;
  EXPECT_THAT(TryRestore(), Fails(kRefused, "KEYRING_FOREIGN"));
  EXPECT_FALSE(std::filesystem::exists(StoreSwap(ours).restoring()));

  std::filesystem::rename(ours + "/keyring", dir_ / "our keyring");
  std::filesystem::rename(ours + "/master.key", dir_ / "our key");
  std::filesystem::copy(theirs + "/keyring", ours + "/keyring", std::filesystem::copy_options::recursive);
  std::filesystem::copy(theirs + "/master.key", ours + "/master.key");
  EXPECT_THAT(TryOpen(), Fails(kRefused, "KEYRING_FOREIGN"));
  EXPECT_THAT(Check(), Fails(kRefused, "KEYRING_FOREIGN"));
  EXPECT_THAT(TryRestore(), Fails(kRefused, "KEYRING_FOREIGN"));

  std::filesystem::remove_all(ours + "/keyring");
  std::filesystem::rename(dir_ / "our keyring", ours + "/keyring");
  std::filesystem::rename(dir_ / "our key", ours + "/master.key");
  OpenAgain();
  EXPECT_TRUE(RowOf(*model_, 7).has_value());
  EXPECT_TRUE(AnyoneKnows(*model_, 7));
}

TEST_F(RestoreTest, ADeletedModelThatCameBackIsDeletedAgain) {
  OpenTrained();
  const std::string ciphertext = CiphertextOf(7);
  const ModelUid uid = model_->uid();
  Backup();
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  Close();
  ASSERT_THAT(TryRestore(), IsOk());
  OpenWithoutRecovery();
  EXPECT_TRUE(engine_->catalog().FindByUid(uid)->deleting());
  EXPECT_THAT(engine_->catalog().Find("m"), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_TRUE(IsInStore(ciphertext)) << "the control";
  ASSERT_THAT(engine_->Recover(), IsOk());
  EXPECT_EQ(engine_->catalog().FindByUid(uid), nullptr);
  EXPECT_THAT(*engine_->store().ListModels(), IsEmpty());
  model_ = CreateModel("m", SmallSpec(1, 2));
  IngestSubjects(*model_, 1, 3);
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  EXPECT_FALSE(IsInStore(ciphertext));
  Reopen();
  ASSERT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  model_ = FindModel("m");
  EXPECT_TRUE(RowOf(*model_, 2).has_value()) << "what came afterwards is not what was deleted";
}

TEST_F(RestoreTest, WhatItBringsBackIsReclaimedAlthoughNoTraceTellsOfIt) {
  OpenTrained();
  const std::string ciphertext = CiphertextOf(7), pseudonym(AsBytes(PseudonymOf(7)).substr(8));
  Backup();
  ASSERT_TRUE(Completes(Forget(7)));
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  EXPECT_FALSE(IsInStore(ciphertext));
  Close();
  ASSERT_THAT(TryRestore(), IsOk());
  OpenAgain();
  EXPECT_TRUE(engine_->store().GetRestoreTime()->has_value());
  EXPECT_TRUE(IsInStore(ciphertext)) << "the control";
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 0);
  EXPECT_FALSE(IsInStore(ciphertext));
  EXPECT_FALSE(IsInStore(pseudonym));
  EXPECT_FALSE(engine_->store().GetRestoreTime()->has_value());
  EXPECT_TRUE(IsInStore(CiphertextOf(8)));
}

TEST_F(RestoreTest, AReclaimAfterItWaitsUntilEveryShardIsReconciled) {
  OpenTrained();
  Backup();
  ASSERT_TRUE(Completes(Forget(7)));
  EXPECT_EQ(*engine_->reclaimer().ReclaimNow(), 1);
  Close();
  ASSERT_THAT(TryRestore(), IsOk());
  OpenWithoutRecovery();
  const absl::Status waits = engine_->reclaimer().ReclaimNow().status();
  EXPECT_THAT(waits, Fails(absl::StatusCode::kUnavailable, "SHARD_NOT_RECONCILED"));
  EXPECT_THAT(std::string(waits.message()), HasSubstr("model 1 shard 0 still has rows"));
  EXPECT_TRUE(engine_->store().GetRestoreTime()->has_value());
  ASSERT_THAT(engine_->Recover(), IsOk());
  EXPECT_THAT(engine_->reclaimer().ReclaimNow(), IsOk());
  EXPECT_FALSE(engine_->store().GetRestoreTime()->has_value());
}

TEST_F(RestoreTest, WithoutAStoreNothingIsServed) {
  OpenTrained();
  Backup();
  Close();
  std::filesystem::remove_all(Store());
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_THAT(TryOpen(), Fails(kRefused, "STORE_MISSING"));
    EXPECT_FALSE(std::filesystem::exists(Store()));
  }
  RestoreStore(/*compared=*/false);
  OpenAgain();
  EXPECT_TRUE(RowOf(*model_, 7).has_value());
}

TEST_F(RestoreTest, OneThatWasCutShortLeavesTheOldStore) {
  OpenTrained();
  Backup();
  IngestSubjects(*model_, 20, 5);
  Close();
  const StoreSwap swap(options_.data_dir);
  std::filesystem::create_directory(swap.restoring());
  std::ofstream(swap.restoring() + "/000009.sst") << "a part";
  std::filesystem::copy(Store(), swap.replaced(), std::filesystem::copy_options::recursive);
  OpenAgain();
  EXPECT_TRUE(RowOf(*model_, 22).has_value());
  EXPECT_FALSE(std::filesystem::exists(swap.restoring()));
  EXPECT_FALSE(std::filesystem::exists(swap.replaced()));
}

TEST_F(RestoreTest, OneThatWasCutShortWithTheOldStoreAsideIsMendedByAnother) {
  ForgetAfterABackup();
  const StoreSwap swap(options_.data_dir);
  std::filesystem::rename(Store(), swap.replaced());
  std::filesystem::create_directory(swap.restoring());
  EXPECT_THAT(TryOpen(), Fails(kRefused, "STORE_MISSING"));
  PutKeyring("old");
  EXPECT_THAT(TryRestore(), Fails(kRefused, "KEYRING_OUTDATED")) << "the store that is aside knows a newer one";
  EXPECT_TRUE(std::filesystem::exists(swap.replaced()));
  PutKeyring("newest");
  RestoreStore(/*compared=*/true);
  EXPECT_FALSE(std::filesystem::exists(swap.restoring()));
  EXPECT_FALSE(std::filesystem::exists(swap.replaced()));
  OpenAgain();
  EXPECT_EQ(RowOf(*model_, 7), std::nullopt);
  EXPECT_TRUE(RowOf(*model_, 8).has_value());
}

TEST_F(RestoreTest, ADamagedStoreIsReplaced) {
  OpenTrained();
  Backup();
  Close();
  std::ofstream(Store() + "/CURRENT") << "MANIFEST-999999\n";
  RestoreStore(/*compared=*/false);
  OpenAgain();
  EXPECT_TRUE(RowOf(*model_, 7).has_value());
}

}  // namespace
}  // namespace expunge
