#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "rocksdb/db.h"
#include "storage/keys.h"
#include "storage/record.h"
#include "storage/rocks_options.h"
#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

class StoreOpenTest : public testing::Test {
 protected:
  StoreOpenTest() : path_(directory_ / "store") {}

  absl::StatusOr<std::unique_ptr<Store>> OpenStore() const { return OpenRocksStore({.path = path_}); }

  // Writes one value into a column family; the store must be closed.
  void Overwrite(MainStoreFamily family, const std::string& key, const std::string& value) const {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(MainStoreOptions(nullptr), path_, MainStoreFamilies(), &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    EXPECT_TRUE(db->Put(rocksdb::WriteOptions(), handles[family], key, value).ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }

  const TempDir directory_;
  const std::string path_;
};

TEST_F(StoreOpenTest, MakesMissingDirectories) {
  EXPECT_THAT(OpenRocksStore({.path = directory_ / "a/b/store"}), IsOk());
  EXPECT_THAT(OpenRocksStore({.path = directory_ / "a/b/store/"}), IsOk());
}

TEST_F(StoreOpenTest, ASecondOpenerIsRefused) {
  const auto first = OpenStore();
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_IN_USE"));
  EXPECT_THAT((*first)->PutModel(1, ModelNamed("m")), IsOk());
}

TEST_F(StoreOpenTest, ASecondProcessIsRefused) {
  ASSERT_THAT(OpenStore(), IsOk());
  const std::string lock_file = path_ + "/LOCK";
  int to_parent[2], to_child[2];
  ASSERT_EQ(pipe(to_parent), 0);
  ASSERT_EQ(pipe(to_child), 0);
  const pid_t child = fork();
  if (child == 0) {  // holds the lock as another server would, until told to end
    const int file = open(lock_file.c_str(), O_RDWR);
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    char byte = fcntl(file, F_SETLK, &lock) == 0 ? 'y' : 'n';
    if (write(to_parent[1], &byte, 1) != 1) _exit(1);
    close(to_child[1]);
    _exit(read(to_child[0], &byte, 1) == 0 ? 0 : 1);
  }
  char locked = 0;
  ASSERT_EQ(read(to_parent[0], &locked, 1), 1);
  EXPECT_EQ(locked, 'y');
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_IN_USE"));
  close(to_child[1]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(OpenStore(), IsOk());
  for (const int descriptor : {to_parent[0], to_parent[1], to_child[0]}) close(descriptor);
}

TEST_F(StoreOpenTest, AnotherFormatVersionIsRefusedAndLeftAlone) {
  ASSERT_THAT((*OpenStore())->PutModel(1, ModelNamed("m")), IsOk());
  for (const std::string& other : {EncodeUint32(1), EncodeUint32(3), std::string("text")}) {
    Overwrite(kDefaultFamily, std::string(kFormatKey), other);
    EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_VERSION"));
  }
  Overwrite(kDefaultFamily, std::string(kFormatKey), EncodeUint32(2));
  EXPECT_EQ((*OpenStore())->ListModels()->size(), 1);
}

TEST_F(StoreOpenTest, ADatabaseOfSomebodyElseIsRefused) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path_, &opened).ok());
  std::unique_ptr<rocksdb::DB> db(opened);
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "key", "value").ok());
  db.reset();
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_VERSION"));
}

TEST_F(StoreOpenTest, AnUnknownColumnFamilyIsAnotherVersion) {
  ASSERT_THAT(OpenStore(), IsOk());
  {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(MainStoreOptions(nullptr), path_, MainStoreFamilies(), &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    rocksdb::ColumnFamilyHandle* added = nullptr;
    ASSERT_TRUE(db->CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "from-the-future", &added).ok());
    handles.push_back(added);
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kFailedPrecondition, "DATA_DIR_VERSION"));
}

TEST_F(StoreOpenTest, ACrashBeforeAllColumnFamiliesWereMadeIsFinished) {
  ASSERT_THAT(OpenStore(), IsOk());
  {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(MainStoreOptions(nullptr), path_, MainStoreFamilies(), &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    for (const MainStoreFamily family : {kSamples, kCheckpoints})
      ASSERT_TRUE(db->DropColumnFamily(handles[family]).ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }
  const auto store = OpenStore();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1})}), IsOk());
  EXPECT_EQ(Contents((*store)->View().get(), {1, 0}).size(), 1);
  EXPECT_THAT((*store)->PutCheckpoint({1, 0}, 0, CheckpointWithSteps(1), "state"), IsOk());
}

TEST_F(StoreOpenTest, AnUnwritableDirectoryIsRefused) {
  std::filesystem::create_directory(path_);
  ASSERT_EQ(chmod(path_.c_str(), 0555), 0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  const uid_t user = geteuid();
  if (user == 0) {  // root may write everywhere
    ASSERT_EQ(seteuid(65534), 0);
  }
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kPermissionDenied, "DATA_DIR_NOT_WRITABLE"));
  EXPECT_THAT(OpenRocksStore({.path = path_ + "/deeper"}),
              Fails(absl::StatusCode::kPermissionDenied, "DATA_DIR_NOT_WRITABLE"));
  ASSERT_EQ(seteuid(user), 0);
}

TEST_F(StoreOpenTest, AFileInPlaceOfTheDirectoryIsRefused) {
  std::ofstream(path_, std::ios::binary) << "a file";
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE"));
}

TEST_F(StoreOpenTest, AStoreThatLostItsIndexFileIsNotStartedAnew) {
  ASSERT_THAT((*OpenStore())->PutModel(1, ModelNamed("m")), IsOk());
  std::filesystem::rename(path_ + "/CURRENT", directory_ / "CURRENT");
  EXPECT_THAT(OpenStore(), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  std::filesystem::rename(directory_ / "CURRENT", path_ + "/CURRENT");
  EXPECT_EQ((*OpenStore())->ListModels()->size(), 1);
}

TEST_F(StoreOpenTest, ARecordOfAnUnknownVersionIsNamedByItsKind) {
  {
    const auto store = OpenStore();
    ASSERT_THAT((*store)->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1})}), IsOk());
    ASSERT_THAT((*store)->PutCheckpoint({1, 0}, 0, CheckpointWithSteps(1), "state"), IsOk());
  }
  const std::string future = "\x02?";
  Overwrite(kModels, EncodeModelKey(1), future);
  Overwrite(kMembership, EncodeSubjectKey({1, 0}, SubjectNumber(1)), future);
  Overwrite(kSamples, EncodeSampleKey({1, 0}, SubjectNumber(1), SampleNumber(1)), future);
  Overwrite(kCheckpoints, EncodeCheckpointKey({1, 0}, 0, CheckpointPart::kHeader), future);
  Overwrite(kCheckpoints, EncodeCheckpointKey({1, 0}, 0, CheckpointPart::kSealedState), future);

  const auto opened = OpenStore();
  ASSERT_THAT(opened, IsOk());
  Store& store = **opened;
  const auto expect = [](const absl::Status& status, const std::string& kind) {
    EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
    EXPECT_EQ(status.message(), kind + " cannot be read: the record has version 2, this program knows version 1");
  };
  expect(store.ListModels().status(), "a model");
  expect(store.GetSubject({1, 0}, SubjectNumber(1)).status(), "a subject");
  const auto any_subject = [](const Pseudonym&, const records::Subject&) { return absl::OkStatus(); };
  expect(store.View()->ScanSubjects({1, 0}, any_subject), "a subject");
  const auto any_sample = [](const Pseudonym&, const SampleKey&, std::string_view) { return absl::OkStatus(); };
  expect(store.View()->ScanSamples({1, 0}, any_sample), "a sample");
  expect(store.GetCheckpoint({1, 0}, 0).status(), "a checkpoint");
  expect(store.GetCheckpointState({1, 0}, 0).status(), "a checkpoint state");
  expect(store.GetSample({1, 0}, SubjectNumber(1), SampleNumber(1)).status(), "a sample");
}

TEST_F(StoreOpenTest, ADamagedFileIsDataLossAndNothingOfItIsShown) {
  const std::string secret = "recognizable content";
  {
    const auto store = OpenStore();
    SubjectUpdate update = Update(0, SubjectNumber(1), {1});
    update.added[0].sealed = secret;
    ASSERT_THAT((*store)->ApplyIngest(1, ModelNamed("m"), {update}), IsOk());
  }
  ASSERT_THAT(OpenStore(), IsOk());  // recovery turns the WAL into files
  int damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    std::string bytes = ReadFile(entry.path());
    const size_t position = bytes.find(secret);
    if (entry.path().extension() != ".sst" || position == std::string::npos) continue;
    bytes[position] ^= 1;
    std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << bytes;
    ++damaged;
  }
  ASSERT_EQ(damaged, 1);
  const auto store = OpenStore();
  ASSERT_THAT(store, IsOk());
  const absl::Status scanned = (*store)->View()->ScanSamples(
      {1, 0}, [](const Pseudonym&, const SampleKey&, std::string_view) { return absl::OkStatus(); });
  EXPECT_THAT(scanned, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(std::string(scanned.message()),
              testing::StartsWith("a sample cannot be read: the stored bytes are damaged; check the device"));
}

}  // namespace
}  // namespace expunge
