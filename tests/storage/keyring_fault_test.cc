// What is left of a write to the keyring that failed, and what a device that works again needs.

#include <tuple>

#include "absl/strings/match.h"
#include "rocksdb/env.h"
#include "tests/storage/keyring_fixture.h"
#include "tests/testing/faulty_file_system.h"

namespace expunge {
namespace {

using Fault = FaultyFileSystem::Fault;
using testing::SizeIs;

constexpr ShardId kShard{1, 0};

class KeyringFaultTest : public KeyringTest {
 protected:
  KeyringFaultTest() { env_ = faulty_env_.get(); }
  ~KeyringFaultTest() override { Close(); }

  // A keyring with two subjects. The first is to be forgotten in model 1 and to keep samples in model 2.
  void MakeKeyring(const std::string& path) {
    options_ = {.path = path + "/keyring", .master_key_file = path + "/master.key", .env = env_};
    OpenThis();
    forgotten_ = CreateSubjectKey(1, SubjectNumber(1));
    replaced_ = CreateSubjectKey(2, SubjectNumber(1));
    kept_ = CreateSubjectKey(1, SubjectNumber(2));
    checkpoint_ = CreateCheckpointKey(kShard, 0);
    ASSERT_THAT(keyring_->Sync(), IsOk());
  }
  void OpenThis() {
    auto opened = Keyring::Open(options_);
    ASSERT_THAT(opened, IsOk());
    keyring_ = *std::move(opened);
  }

  // An erasure that does everything that one can do.
  absl::Status RecordAll() {
    const records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {{kShard, 1}});
    const auto old_key = keyring_->GetSubjectKey(2, SubjectNumber(1));
    const SubjectKey new_key = SubjectKey::Random();
    Keyring::ErasureWrite write;
    write.erasure = &erasure;
    write.subject = SubjectNumber(1);
    write.forgotten_in = {1};
    if (!keyring_->GetRekey(2, SubjectNumber(1))->has_value()) {
      write.partial.push_back({.model = 2, .old_key = &**old_key, .new_key = &new_key, .erased = {SampleNumber(1)}});
    }
    write.checkpoints = {{kShard, 0}};
    write.suppress_in = {kEveryModel};
    return keyring_->RecordErasures({&write, 1});
  }
  // Whether the erasure is there; expects that it is there with all of its parts or with none.
  bool Recorded() {
    const auto erasure = keyring_->erasures().Get(1);
    EXPECT_THAT(erasure, IsOk());
    const bool recorded = erasure->has_value();
    EXPECT_EQ(keyring_->erasures().Find(UuidNumber(1))->has_value(), recorded);
    EXPECT_EQ(*keyring_->erasures().Last(), recorded ? 1 : 0);
    EXPECT_THAT(*keyring_->erasures().PendingIn(kShard), SizeIs(recorded ? 1 : 0));
    EXPECT_EQ(keyring_->GetSuppression(1, SubjectNumber(1))->subject, recorded);
    EXPECT_EQ(keyring_->GetTraces(1)->has_value(), recorded);
    EXPECT_EQ(KeyOf(1, SubjectNumber(1)), recorded ? "" : forgotten_);
    EXPECT_EQ(KeyOf(2, SubjectNumber(1)) == replaced_, !recorded);
    EXPECT_EQ(keyring_->GetRekey(2, SubjectNumber(1))->has_value(), recorded);
    EXPECT_EQ(HasCheckpointKey(kShard, 0, checkpoint_), !recorded);
    EXPECT_EQ(KeyOf(1, SubjectNumber(2)), kept_);
    return recorded;
  }

  const std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> faulty_env_ = std::make_unique<FaultyEnv>(files_);
  Keyring::Options options_;
  std::string forgotten_, replaced_, kept_;
  CheckpointKeyId checkpoint_;
};

TEST_F(KeyringFaultTest, AnErasureThatFailsAtAnyWriteIsWholeOrAbsent) {
  for (const auto& [fault, code, reason] :
       {std::tuple(Fault::kNoSpace, absl::StatusCode::kResourceExhausted, "DISK_FULL"),
        std::tuple(Fault::kIoError, absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE")}) {
    bool reached_every_write = false;
    for (int writes = 0; !reached_every_write; ++writes) {
      SCOPED_TRACE(std::string(reason) + " after " + std::to_string(writes));
      const TempDir directory;
      MakeKeyring(directory.path());
      files_->FailAfter(writes, fault);
      const absl::Status recorded = RecordAll();
      reached_every_write = !files_->failed();
      EXPECT_EQ(recorded.ok(), reached_every_write);
      if (!recorded.ok()) {
        EXPECT_THAT(recorded, Fails(code, reason));
        EXPECT_FALSE(Recorded());
        EXPECT_THAT(RecordAll(), Fails(code, reason)) << "the device fails still";
        EXPECT_THAT(keyring_->Sync(), Fails(code, reason));
        EXPECT_THAT(keyring_->Purge(), Fails(code, reason));
        EXPECT_FALSE(Recorded());
      }
      files_->FailAfter(0, fault);
      Close();
      files_->DropUnsynced();  // the power is lost as well
      files_->Heal();
      OpenThis();
      EXPECT_TRUE(Recorded() || !recorded.ok());
      EXPECT_THAT(RecordAll(), IsOk());
      EXPECT_TRUE(Recorded());
      Close();
      OpenThis();
      EXPECT_TRUE(Recorded());
      Close();
    }
  }
}

TEST_F(KeyringFaultTest, AFailingDeviceIsUnavailable) {
  Open();
  files_->FailAfter(0, Fault::kIoError);
  const DataKey key = DataKey::Random();
  const auto unavailable = Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE");
  EXPECT_THAT(keyring_->CreateCheckpointKey(kShard, 0, RandomCheckpointKeyId(), key), unavailable);
  EXPECT_THAT(keyring_->CreateCheckpointKey(kShard, 0, RandomCheckpointKeyId(), key), unavailable);
  EXPECT_THAT(keyring_->DestroyModelKeys(1, absl::UnixEpoch()), unavailable);
  EXPECT_THAT(keyring_->NextModelUid(), unavailable);
  files_->Heal();
  const absl::Status latched = keyring_->CreateCheckpointKey(kShard, 0, RandomCheckpointKeyId(), key);
  EXPECT_THAT(latched, unavailable);
  EXPECT_THAT(std::string(latched.message()), testing::HasSubstr("No write is taken until you restart the server"));
  Reopen();
  EXPECT_THAT(keyring_->CreateCheckpointKey(kShard, 0, RandomCheckpointKeyId(), key), IsOk());
}

TEST_F(KeyringFaultTest, AModelNumberThatCouldNotBeWrittenIsNotGivenToTwo) {
  Open();
  const ModelUid first = *keyring_->NextModelUid();
  files_->FailAfter(0, Fault::kNoSpace);
  EXPECT_THAT(keyring_->NextModelUid(), Fails(absl::StatusCode::kResourceExhausted, "DISK_FULL"));
  files_->Heal();
  Reopen();
  const ModelUid second = *keyring_->NextModelUid();
  EXPECT_GT(second, first);
  Reopen();
  EXPECT_GT(*keyring_->NextModelUid(), second);
}

TEST_F(KeyringFaultTest, APurgeThatFailedSucceedsAfterAReopen) {
  MakeKeyring(directory_.path());
  CreateSubjectKeys(1, 1000, 200);
  bool reached_every_write = false;
  for (int writes = 0; !reached_every_write; ++writes) {
    SCOPED_TRACE(writes);
    const int subject = 1000 + writes;
    ASSERT_THAT(Forget(SubjectNumber(subject), {1}, {{kShard, 0}}), IsOk());
    const std::string wrapped = keyring_->GetTraces(last_sequence_)->value().wrapped_keys(0);
    ASSERT_THAT(FilesWith(options_.path, wrapped), testing::Not(testing::IsEmpty())) << "the control finds nothing";
    files_->FailAfter(writes, writes % 2 == 0 ? Fault::kIoError : Fault::kNoSpace);
    const absl::Status purged = keyring_->Purge();
    reached_every_write = !files_->failed();
    // RocksDB reads no OPTIONS file.
    const bool fault_matters = files_->failed() && !absl::StrContains(files_->plan().where(), "/OPTIONS-");
    EXPECT_EQ(purged.ok(), !fault_matters);
    files_->Heal();
    Close();
    OpenThis();
    EXPECT_THAT(keyring_->Purge(), IsOk());
    EXPECT_THAT(FilesWith(options_.path, wrapped), testing::IsEmpty());
    EXPECT_EQ(KeyOf(1, SubjectNumber(2)), kept_);
  }
  Close();
  OpenThis();
  EXPECT_EQ(KeyOf(1, SubjectNumber(2)), kept_);
  EXPECT_EQ(*keyring_->erasures().Last(), last_sequence_);
  EXPECT_EQ(KeyOf(1, SubjectNumber(1000)), "");
  EXPECT_NE(KeyOf(1, SubjectNumber(1199)), "");
}

}  // namespace
}  // namespace expunge
