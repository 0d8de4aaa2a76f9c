// What a certificate says is true of its erasure: whoever puts back, behind the server's back, what it certifies as
// gone is found out by `admin check`, and by a replay where it could have had an effect.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/check.h"
#include "gmock/gmock.h"
#include "rocksdb/db.h"
#include "storage/keys.h"
#include "storage/rocks_options.h"
#include "tests/testing/engine_fixture.h"
#include "unlearning/replayer.h"

namespace expunge {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// The rows of one of the two databases, by family and key, and a way to put some of them back.
class RawDatabase {
 public:
  RawDatabase(const std::string& path, const rocksdb::DBOptions& options,
              const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, path, families, &handles_, &opened);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(opened);
  }
  ~RawDatabase() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  using Rows = std::map<std::string, std::string>;
  Rows Read(size_t family, const KeyRange& range = {}) const {
    Rows rows;
    const std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(rocksdb::ReadOptions(), handles_[family]));
    for (row->Seek(range.begin); row->Valid(); row->Next()) {
      if (!range.end.empty() && row->key().ToString() >= range.end) break;
      rows.emplace(row->key().ToString(), row->value().ToString());
    }
    return rows;
  }
  // Those that are missing now, or other.
  int PutBack(size_t family, const Rows& rows) const {
    int changed = 0;
    for (const auto& [key, value] : rows) {
      std::string present;
      if (db_->Get(rocksdb::ReadOptions(), handles_[family], key, &present).ok() && present == value) continue;
      EXPECT_TRUE(db_->Put(rocksdb::WriteOptions(), handles_[family], key, value).ok());
      ++changed;
    }
    return changed;
  }

 private:
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::unique_ptr<rocksdb::DB> db_;
};

class TamperTest : public EngineTest {
 protected:
  static constexpr int kForgotten = 7;

  // Trained, saved, one person forgotten for good, closed.
  void SetUp() override {
    Open();
    auto model = CreateModel("m", SmallSpec(1, 2));
    IngestSubjects(*model, 1, 10);
    TrainAll(*model);
    model.reset();
    Close();
    rows_ = Store().Read(kMembership);
    samples_ = Store().Read(kSamples);
    checkpoints_ = Store().Read(kCheckpoints);
    subject_keys_ = Keys().Read(kKeys, AllSubjectDataKeys());
    checkpoint_keys_ = Keys().Read(kCheckpointKeys);
    Open();
    const records::Erasure erasure = Forget(kForgotten);
    ASSERT_TRUE(
        WaitUntil(*engine_, *FindModel("m"), [&] { return Stored(erasure).state() == records::Erasure::COMPLETED; }));
    Close();
    ASSERT_THAT(Problems(), IsEmpty());
  }

  RawDatabase Store() const { return {options_.data_dir + "/store", MainStoreOptions(nullptr), MainStoreFamilies()}; }
  RawDatabase Keys() const { return {options_.data_dir + "/keyring", KeyringOptions(nullptr), KeyringFamilies()}; }

  std::vector<std::string> Problems() const {
    const auto report = CheckDataDir({.data_dir = options_.data_dir, .master_key_file = ""});
    EXPECT_THAT(report, IsOk());
    return report->problems;
  }
  // Before the server has looked at anything itself.
  absl::StatusOr<ReplayVerdict> ReplayUnrecovered() {
    OpenWithoutRecovery();
    return ReplayShard(*FindModel("m"), 0, engine_->store(), engine_->keyring(), trainer_,
                       [](const ReplayProgress&) { return true; });
  }
  absl::StatusOr<ReplayVerdict> ReplayRecovered() {
    Close();
    Open();
    const auto model = FindModel("m");
    EXPECT_TRUE(WaitUntil(*engine_, *model, [&] { return model->Status(0).phase == ShardStatus::Phase::kTrained; }));
    return ReplayShard(*model, 0, engine_->store(), engine_->keyring(), trainer_,
                       [](const ReplayProgress&) { return true; });
  }

  RawDatabase::Rows rows_, samples_, checkpoints_, subject_keys_, checkpoint_keys_;
};

TEST_F(TamperTest, AnOldCheckpointIsFoundOutAndNeverServed) {
  EXPECT_GT(Store().PutBack(kCheckpoints, checkpoints_), 0);
  EXPECT_GT(Keys().PutBack(kCheckpointKeys, checkpoint_keys_), 0);
  EXPECT_THAT(Problems(), Contains(HasSubstr("a checkpoint that an erasure retired is there again")));
  EXPECT_THAT(ReplayUnrecovered().status(), Fails(absl::StatusCode::kFailedPrecondition, "SHARD_NOT_TRAINED"));
  const auto healed = ReplayRecovered();
  ASSERT_THAT(healed, IsOk());
  EXPECT_EQ(healed->kind, ReplayVerdict::Kind::kMatch);
  EXPECT_FALSE(AnyoneKnows(*FindModel("m"), kForgotten));
}

TEST_F(TamperTest, ARowIsFoundOutAndTrainsNothing) {
  EXPECT_EQ(Store().PutBack(kMembership, rows_), 1);
  EXPECT_THAT(Problems(), Contains(HasSubstr("a row of a subject that was forgotten is there again")));
  const auto healed = ReplayRecovered();
  ASSERT_THAT(healed, IsOk());
  EXPECT_EQ(healed->kind, ReplayVerdict::Kind::kMatch);
  EXPECT_EQ(RowOf(*FindModel("m"), kForgotten), std::nullopt);
}

TEST_F(TamperTest, AKeyIsFoundOut) {
  EXPECT_EQ(Keys().PutBack(kKeys, subject_keys_), 1);
  EXPECT_THAT(Problems(), Contains(HasSubstr("a key of a subject that was forgotten")));
}

TEST_F(TamperTest, APersonWhoIsPutBackWholeIsFoundOutByTheReplay) {
  EXPECT_EQ(Keys().PutBack(kKeys, subject_keys_), 1);
  EXPECT_EQ(Store().PutBack(kMembership, rows_), 1);
  EXPECT_EQ(Store().PutBack(kSamples, samples_), 2);
  EXPECT_THAT(Problems(), Contains(HasSubstr("a key of a subject that was forgotten")));
  EXPECT_THAT(ReplayUnrecovered().status(), Fails(absl::StatusCode::kDataLoss, "FORGOTTEN_SUBJECT_REVIVED"));
  // Also when the server has trained on it meanwhile, so that all bits match.
  EXPECT_THAT(ReplayRecovered().status(), Fails(absl::StatusCode::kDataLoss, "FORGOTTEN_SUBJECT_REVIVED"));
}

TEST_F(TamperTest, ALogThatWasChangedIsFoundOut) {
  {
    const RawDatabase keyring = Keys();
    RawDatabase::Rows entries = keyring.Read(kLogEntries);
    ASSERT_FALSE(entries.empty());
    entries.begin()->second.back() ^= 1;
    EXPECT_EQ(keyring.PutBack(kLogEntries, {*entries.begin()}), 1);
  }
  EXPECT_THAT(Problems(), Contains(HasSubstr("an entry of the log was changed")));
}

TEST_F(TamperTest, ARecordThatIsNotWhatWasCertifiedIsFoundOut) {
  Open();
  records::Erasure erasure = **engine_->keyring().erasures().Get(1);
  erasure.set_samples_erased(erasure.samples_erased() + 1);
  ASSERT_THAT(engine_->keyring().erasures().Update({&erasure, 1}, /*synced=*/true), IsOk());
  Close();
  EXPECT_THAT(Problems(), Contains(HasSubstr("the log does not have the statement of its completion")));
}

TEST_F(TamperTest, AMissingLogCheckpointIsFoundOut) {
  std::filesystem::remove(options_.data_dir + "/log.checkpoint");
  EXPECT_THAT(Problems(), Contains(HasSubstr("the newest checkpoint is missing")));
}

}  // namespace
}  // namespace expunge
