// What operators do: search, reclaim, check, rotate the master key, retry.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "storage/data_key.h"
#include "storage/keyring.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;

class OperatorTest : public IntegrationTest {
 protected:
  // The bytes by which the files know a subject. The server must not run.
  std::string PseudonymOf(const std::string& subject) {
    const auto keyring = Keyring::Open({.path = server_.data_dir() + "/keyring",
                                        .master_key_file = server_.data_dir() + "/master.key",
                                        .create = false});
    EXPECT_THAT(keyring, IsOk());
    return std::string(AsBytes((*keyring)->PseudonymOf(subject)).substr(8));
  }

  Outcome Scan(const std::string& bytes) {
    const std::string patterns = files_.PathOf("patterns");
    std::ofstream(patterns) << "hex:" << absl::BytesToHexString(bytes.substr(0, 12))
                            << "\nhex:" << absl::BytesToHexString(bytes.substr(12)) << "\n";
    return Expunge({"admin", "scan", "--data-dir", server_.data_dir(), "--pattern-file", patterns});
  }

  Outcome Check() { return Expunge({"admin", "check", server_.data_dir()}); }
};

TEST_F(OperatorTest, AScanFindsASubjectBeforeItsErasureAndNotAfterItsReclaim) {
  MakeTrained(StripesModel("m", 2, 2), 30);
  ASSERT_EQ(server_.Terminate(), 0);
  const std::string pseudonym = PseudonymOf(PersonName(4));
  EXPECT_EQ(Scan(pseudonym).status, 1) << "the control";
  ASSERT_THAT(server_.Start(), IsOk());
  const auto erasure = client().Forget(ForgetOf(PersonName(4)));
  ASSERT_THAT(erasure, IsOk());
  ASSERT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
  const auto reply = ExpungeJson<v1::ReclaimResponse>({"admin", "reclaim"});
  EXPECT_EQ(reply.erasures_reclaimed(), 1);
  const Outcome scanned = Scan(pseudonym);
  EXPECT_EQ(scanned.status, 0) << scanned.out;
  EXPECT_THAT(scanned.out, HasSubstr("nothing found"));
  v1::GetErasureRequest get;
  get.set_name(erasure->name());
  EXPECT_TRUE(client().GetErasure(get)->milestones().has_reclaimed_time());
}

TEST_F(OperatorTest, CheckSaysThatAllIsSoundAndNamesWhatIsNot) {
  MakeTrained(StripesModel("m", 2, 2), 30);
  EXPECT_THAT(Check().err, HasSubstr("DATA_DIR_IN_USE"));
  ASSERT_EQ(server_.Terminate(), 0);
  const Outcome sound = Check();
  EXPECT_EQ(sound.status, 0) << sound.out << sound.err;
  EXPECT_THAT(sound.out, HasSubstr("All of it is sound."));
  EXPECT_THAT(sound.out, HasSubstr("60, each opened and compared"));
  for (const auto& entry : std::filesystem::directory_iterator(server_.data_dir() + "/store")) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 3));
    file.put('\x5a').put('\x5a').put('\x5a');
  }
  const Outcome damaged = Check();
  EXPECT_EQ(damaged.status, 1);
  EXPECT_THAT(damaged.out + damaged.err, HasSubstr("damaged"));
}

TEST_F(OperatorTest, ARotatedMasterKeyOpensEverythingAndTheOldOneNothing) {
  MakeTrained(StripesModel("m", 2, 2), 30);
  const auto trained = GetModel(client(), "m");
  ASSERT_THAT(trained, IsOk());
  const std::string key = server_.data_dir() + "/master.key";
  const std::string before = ReadWholeFile(key);
  EXPECT_THAT(Expunge({"admin", "rotate-master-key", "--data-dir", server_.data_dir()}).err,
              HasSubstr("DATA_DIR_IN_USE"));
  ASSERT_EQ(server_.Terminate(), 0);
  const Outcome rotated = Expunge({"admin", "rotate-master-key", "--data-dir", server_.data_dir()});
  ASSERT_EQ(rotated.status, 0) << rotated.err;
  const std::string after = ReadWholeFile(key);
  EXPECT_NE(after, before);
  struct stat attributes = {};
  ASSERT_EQ(stat(key.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0600u);
  EXPECT_EQ(Check().status, 0);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->worker_seconds(), trained->worker_seconds()) << "every checkpoint opens";
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
  ASSERT_EQ(server_.Terminate(), 0);
  std::ofstream(key, std::ios::binary) << before;
  EXPECT_THAT(std::string(server_.Start().message()), HasSubstr("master key is not the one"));
}

TEST_F(OperatorTest, SomeSamplesAreForgottenFromTheCommandLine) {
  MakeTrained(StripesModel("m", 1, 1), 12);
  const Outcome forgotten = Expunge({"forget", PersonName(3), "--sample", "sample-0000006", "--wait"});
  EXPECT_EQ(forgotten.status, 0) << forgotten.err;
  const auto model = WaitUntilReady(client(), "m");
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->subjects(), 12);
  EXPECT_EQ(model->samples(), 23);
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
}

TEST_F(OperatorTest, RetryOfWhatDidNotFailShowsItAsItIs) {
  MakeTrained(StripesModel("m", 1, 1), 12);
  const auto erasure = client().Forget(ForgetOf(PersonName(3)));
  ASSERT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
  EXPECT_EQ(ExpungeJson<v1::Erasure>({"erasure", "retry", erasure->name()}).state(), v1::Erasure::COMPLETED);
  EXPECT_THAT(Expunge({"erasure", "retry", "erasures/5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10"}).err,
              HasSubstr("ERASURE_NOT_FOUND"));
}

}  // namespace
}  // namespace expunge
