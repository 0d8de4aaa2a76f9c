// Backups of a serving server, restored beside the keyring of today.

#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;

class BackupTest : public IntegrationTest {
 protected:
  std::string BackupDir() { return files_.PathOf("backups"); }

  v1::Backup Backup() { return ExpungeJson<v1::Backup>({"admin", "backup", BackupDir()}); }

  Outcome Restore(const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"admin", "restore", BackupDir(), "--data-dir", server_.data_dir()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Expunge(arguments);
  }

  std::string ForgetAndWait(const std::string& subject) {
    const auto erasure = client().Forget(ForgetOf(subject));
    EXPECT_THAT(erasure, IsOk());
    const auto final = WaitUntilFinal(client(), erasure->name());
    EXPECT_THAT(final, IsOk());
    EXPECT_EQ(final->state(), v1::Erasure::COMPLETED);
    return erasure->name();
  }

  std::set<std::string> ErasureNames() {
    v1::ListErasuresRequest request;
    request.set_page_size(1000);
    const auto list = client().ListErasures(request);
    EXPECT_THAT(list, IsOk());
    std::set<std::string> names;
    for (const v1::Erasure& erasure : list->erasures()) names.insert(erasure.name());
    return names;
  }
};

TEST_F(BackupTest, OneFromBeforeFiftyErasuresBringsNobodyBack) {
  constexpr int kSubjects = 90, kForgotten = 50;
  MakeTrained(StripesModel("m", 3, 3), kSubjects);
  ASSERT_EQ(Backup().number(), 1);
  std::set<std::string> erasures;
  for (int i = 0; i < kForgotten; ++i) erasures.insert(ForgetAndWait(PersonName(i)));
  // What came after the backup is lost with the store, but not the ones who were forgotten.
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(kSubjects, 5, 2)}), IsOk());
  ASSERT_EQ(server_.Terminate(), 0);

  const Outcome restored = Restore();
  ASSERT_EQ(restored.status, 0) << restored.err;
  EXPECT_THAT(restored.out, HasSubstr("restored backup 1"));
  ASSERT_THAT(server_.Start(), IsOk());
  const auto model = TrainAndWait(client(), "m");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->subjects(), kSubjects - kForgotten);
  EXPECT_EQ(model->samples(), 2 * (kSubjects - kForgotten));
  EXPECT_EQ(ErasureNames(), erasures) << "the record of the erasures is of today";
  EXPECT_THAT(client().Predict(StripesInputs("m", 0, 4)), IsOk());
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk()) << "what is served is what those who remain give";
  const auto again = Ingest(client(), "m", {StripesBatch(0, kForgotten, 2)});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->samples_forgotten(), 2 * kForgotten) << "the suppression list is of today";
  for (const std::string& name : erasures) {
    EXPECT_EQ(WaitUntilFinal(client(), name)->state(), v1::Erasure::COMPLETED);
  }
  ASSERT_EQ(server_.Terminate(), 0);
  const Outcome checked = Expunge({"admin", "check", server_.data_dir()});
  EXPECT_EQ(checked.status, 0) << checked.out << checked.err;
}

TEST_F(BackupTest, TheForgottenAreNotUsedBeforeTheFirstRetrainEither) {
  MakeTrained(StripesModel("m", 1, 1), 12);
  Backup();
  ForgetAndWait(PersonName(3));
  ASSERT_EQ(server_.Terminate(), 0);
  ASSERT_EQ(Restore().status, 0);
  ASSERT_THAT(server_.Start(), IsOk());
  // The restored checkpoint knew the subject; its key is dead, so the only constituent there can be is a new one.
  const auto model = WaitUntilReady(client(), "m");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->samples(), 22);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(BackupTest, OneWithConsentAfterwardsIsTheSubjectOfToday) {
  MakeTrained(StripesModel("m", 1, 1), 12);
  Backup();
  ForgetAndWait(PersonName(3));
  const auto back = Ingest(client(), "m", {StripesBatch(3, 1, 2)}, /*new_consent=*/true);
  ASSERT_THAT(back, IsOk());
  ASSERT_EQ(back->samples_ingested(), 2);
  ASSERT_EQ(server_.Terminate(), 0);
  ASSERT_EQ(Restore().status, 0);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(TrainAndWait(client(), "m")->samples(), 22) << "the old samples died with the old key";
  EXPECT_EQ(Ingest(client(), "m", {StripesBatch(3, 1, 2)})->samples_ingested(), 2) << "and may come again";
  EXPECT_EQ(TrainAndWait(client(), "m")->samples(), 24);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(BackupTest, EarlierOnesStayAndCanBeChosen) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  EXPECT_EQ(Backup().number(), 1);
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(10, 10, 2)}), IsOk());
  EXPECT_EQ(Backup().number(), 2);
  ASSERT_EQ(server_.Terminate(), 0);
  ASSERT_EQ(Restore({"--number", "1"}).status, 0);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 10);
  ASSERT_EQ(server_.Terminate(), 0);
  ASSERT_EQ(Restore().status, 0);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 20);
}

TEST_F(BackupTest, WhatCannotBeDoneIsSaidAndChangesNothing) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  const Outcome inside = Expunge({"admin", "backup", server_.data_dir() + "/backups"});
  EXPECT_EQ(inside.status, 1);
  EXPECT_THAT(inside.err, HasSubstr("below the data directory"));
  Backup();
  const Outcome running = Restore();
  EXPECT_EQ(running.status, 1);
  EXPECT_THAT(running.err, HasSubstr("DATA_DIR_IN_USE"));
  ASSERT_EQ(server_.Terminate(), 0);
  const Outcome missing = Restore({"--number", "7"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("BACKUP_NOT_FOUND"));
  const Outcome elsewhere = Expunge({"admin", "restore", BackupDir(), "--data-dir", files_.PathOf("nothing")});
  EXPECT_EQ(elsewhere.status, 1);
  EXPECT_THAT(elsewhere.err, HasSubstr("DATA_DIR_MISSING"));
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 10);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(BackupTest, AnOldKeyringIsRefused) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  ASSERT_EQ(server_.Terminate(), 0);
  const std::filesystem::path keyring = server_.data_dir() + "/keyring", copy = files_.PathOf("keyring");
  std::filesystem::copy(keyring, copy, std::filesystem::copy_options::recursive);
  ASSERT_THAT(server_.Start(), IsOk());
  ForgetAndWait(PersonName(1));
  ForgetAndWait(PersonName(2));
  ASSERT_EQ(server_.Terminate(), 0);
  const std::filesystem::path newest = files_.PathOf("newest");
  std::filesystem::rename(keyring, newest);
  std::filesystem::rename(copy, keyring);
  const absl::Status refused = server_.Start();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the keyring lacks the erasures 1 to 2"));
  std::filesystem::remove_all(keyring);
  std::filesystem::rename(newest, keyring);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 8);
}

TEST_F(BackupTest, AnOldKeyringIsRefusedByARestoreTooAndNobodyComesBack) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  Backup();
  ASSERT_EQ(server_.Terminate(), 0);
  const std::filesystem::path keyring = server_.data_dir() + "/keyring", copy = files_.PathOf("keyring");
  const std::filesystem::path newest = files_.PathOf("newest");
  std::filesystem::copy(keyring, copy, std::filesystem::copy_options::recursive);
  ASSERT_THAT(server_.Start(), IsOk());
  ForgetAndWait(PersonName(1));
  ASSERT_EQ(server_.Terminate(), 0);
  std::filesystem::rename(keyring, newest);
  std::filesystem::rename(copy, keyring);
  const Outcome refused = Restore();
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("KEYRING_OUTDATED"));
  EXPECT_THAT(Expunge({"admin", "check", server_.data_dir()}).err, HasSubstr("KEYRING_OUTDATED"));
  EXPECT_THAT(std::string(server_.Start().message()), HasSubstr("the keyring lacks the erasures 1 to 1"));
  std::filesystem::remove_all(keyring);
  std::filesystem::rename(newest, keyring);
  ASSERT_EQ(Restore().status, 0);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(TrainAndWait(client(), "m")->subjects(), 9);
}

TEST_F(BackupTest, AMissingStoreIsNotServedAsAnEmptyOne) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  Backup();
  ASSERT_EQ(server_.Terminate(), 0);
  std::filesystem::remove_all(server_.data_dir() + "/store");
  EXPECT_THAT(std::string(server_.Start().message()), HasSubstr("expunge admin restore"));
  const Outcome restored = Restore();
  ASSERT_EQ(restored.status, 0) << restored.err;
  EXPECT_THAT(restored.out, HasSubstr("only you can know"));
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 10);
}

TEST_F(BackupTest, OneThatIsKilledInBetweenLeavesTheOldStoreOrTheNew) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  Backup();
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(10, 5, 2)}), IsOk());
  ASSERT_EQ(server_.Terminate(), 0);
  int killed = 0, finished = 0;
  for (int pause = 0; finished == 0 && pause < 100; ++pause) {
    {
      ChildProcess restore(
          {.arguments = {kClientProgram, "admin", "restore", BackupDir(), "--data-dir", server_.data_dir()}});
      const auto ended = restore.Wait(absl::Milliseconds(15 * pause));
      finished += ended.has_value();
      killed += !ended.has_value();
      restore.Signal(SIGKILL);
      restore.Wait(absl::Seconds(60));
    }
    if (pause % 4 != 0 && finished == 0) continue;  // the next one finds what was left by it
    const absl::Status started = server_.Start();
    if (!started.ok()) {
      EXPECT_THAT(std::string(started.message()), HasSubstr("expunge admin restore"));
      continue;
    }
    EXPECT_THAT(GetModel(client(), "m")->subjects(), testing::AnyOf(10, 15)) << pause;
    ASSERT_EQ(server_.Terminate(), 0);
  }
  EXPECT_GT(killed, 0);
  ASSERT_EQ(finished, 1);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 10);
}

// Whatever the caller's umask lets through.
TEST_F(BackupTest, WhatARestoreWritesIsForItsOwnerAlone) {
  MakeTrained(StripesModel("m", 1, 1), 10);
  Backup();
  ASSERT_EQ(server_.Terminate(), 0);
  const mode_t mask = umask(0);
  EXPECT_EQ(Restore().status, 0);
  EXPECT_EQ(Expunge({"admin", "check", server_.data_dir()}).status, 0);
  EXPECT_EQ(Expunge({"admin", "rotate-master-key", "--data-dir", server_.data_dir()}).status, 0);
  umask(mask);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.data_dir())) {
    ++files;
    EXPECT_EQ(entry.status().permissions() & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
              std::filesystem::perms::none)
        << entry.path();
  }
  EXPECT_GT(files, 10);
}

}  // namespace
}  // namespace expunge
