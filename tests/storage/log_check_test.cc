#include "storage/log_check.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr size_t kPage = 4096;

class LogCheckTest : public testing::Test {
 protected:
  // The WAL after eight models, each followed by a checkpoint whose state has so many bytes.
  std::string WriteWal(size_t state_bytes) {
    ReopenableStore store(path_);
    for (int number = 1; number <= 8; ++number) {
      EXPECT_THAT(store->PutModel(number, ModelNamed("m")), IsOk());
      EXPECT_THAT(store->PutCheckpoint({1, 0}, number, CheckpointWithSteps(1), std::string(state_bytes, 's')), IsOk());
    }
    store.Close();
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().extension() == ".log") wal_ = entry.path();
    }
    return ReadFile(wal_);
  }

  absl::Status OpenWith(const std::string& wal) {
    std::ofstream(wal_, std::ios::binary | std::ios::trunc) << wal;
    return OpenRocksStore({.path = path_, .reserved_free_bytes = 0}).status();
  }

  static std::string WithBit(std::string log, size_t byte, int bit) {
    log[byte] = static_cast<char>(log[byte] ^ (1 << bit));
    return log;
  }

  // What a loss of power may leave of a file whose length is on the device already.
  static std::string Zeroed(const std::string& log, size_t from) {
    return log.substr(0, from) + std::string(log.size() - from, '\0');
  }

  const TempDir directory_;
  const std::string path_ = directory_ / "store";
  std::string wal_;
};

TEST_F(LogCheckTest, AWholeLogIsWhole) {
  for (const size_t state_bytes : {100, 20'000}) {
    std::filesystem::remove_all(path_);
    const std::string wal = WriteWal(state_bytes);
    ASSERT_GT(wal.size(), 8 * state_bytes);
    EXPECT_EQ(EndOfLog(wal), LogEnd::kWhole);
    EXPECT_EQ(EndOfLog(wal + std::string(10'000, '\0')), LogEnd::kWhole) << "room that was reserved";
    const auto ends_early = CheckLogs(rocksdb::Env::Default(), "the main store", path_);
    ASSERT_THAT(ends_early, IsOk());
    EXPECT_FALSE(*ends_early);
  }
  EXPECT_EQ(EndOfLog(""), LogEnd::kWhole);
}

TEST_F(LogCheckTest, AWriteThatWasCutShortIsNotDamage) {
  for (const size_t state_bytes : {100, 20'000}) {
    std::filesystem::remove_all(path_);
    const std::string wal = WriteWal(state_bytes);
    for (size_t size = 0; size < wal.size(); size += 1 + state_bytes / 1000) {
      EXPECT_NE(EndOfLog(std::string_view(wal).substr(0, size)), LogEnd::kDamaged) << size;
    }
    EXPECT_EQ(EndOfLog(std::string_view(wal).substr(0, wal.size() - 1)), LogEnd::kCutShort);
    EXPECT_EQ(EndOfLog(std::string_view(wal).substr(0, 5)), LogEnd::kCutShort) << "within a header";
  }
  const std::string wal = WriteWal(20'000);
  EXPECT_EQ(EndOfLog(std::string_view(wal).substr(0, 32768)), LogEnd::kCutShort) << "between two fragments";
}

TEST_F(LogCheckTest, ZerosInPlaceOfPagesThatWereNotWrittenAreNotDamage) {
  const std::string wal = WriteWal(20'000);
  for (size_t written = kPage; written < wal.size(); written += kPage) {
    EXPECT_NE(EndOfLog(Zeroed(wal, written)), LogEnd::kDamaged) << written;
    EXPECT_EQ(EndOfLog(WithBit(Zeroed(wal, written), 20, 0)), LogEnd::kDamaged) << "an earlier record is damaged";
  }
  EXPECT_EQ(EndOfLog(Zeroed(wal, 2 * kPage)), LogEnd::kZeros);
  EXPECT_EQ(EndOfLog(Zeroed(wal, 8 * kPage)), LogEnd::kZeros) << "between two fragments of a record";
  EXPECT_EQ(EndOfLog(Zeroed(wal, wal.size() - 1)), LogEnd::kDamaged) << "no page is missing";
}

TEST_F(LogCheckTest, APageMayEndAnywhereInARecord) {
  const std::string wal = WriteWal(100);
  const size_t first_bytes = 7 + static_cast<uint8_t>(wal[4]);  // header and payload
  const std::string first = wal.substr(0, first_bytes), rest = wal.substr(first_bytes);
  // So many records before the others that these lie elsewhere each time.
  for (size_t copies = 1; copies * first_bytes < kPage; ++copies) {
    std::string log;
    for (size_t i = 0; i < copies; ++i) log += first;
    while (log.size() < 2 * kPage) log += rest;
    for (size_t page = kPage; page < log.size(); page += kPage) {
      EXPECT_NE(EndOfLog(Zeroed(log, page)), LogEnd::kDamaged) << copies << " copies, zeros from " << page;
    }
  }
}

TEST_F(LogCheckTest, ZerosBeforeOtherRecordsAreDamage) {
  const std::string wal = WriteWal(20'000);
  for (size_t page = 0; page + 2 * kPage < wal.size(); page += kPage) {
    std::string holed = wal;
    holed.replace(page, kPage, kPage, '\0');
    EXPECT_EQ(EndOfLog(holed), LogEnd::kDamaged) << "page at " << page;
  }
  EXPECT_EQ(EndOfLog(std::string(32768, '\0') + wal), LogEnd::kDamaged) << "a whole block";
}

TEST_F(LogCheckTest, AnyBitThatChangedIsDamage) {
  const std::string wal = WriteWal(100);
  for (size_t at = 0; at < wal.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      EXPECT_EQ(EndOfLog(WithBit(wal, at, bit)), LogEnd::kDamaged) << "byte " << at << ", bit " << bit;
    }
  }
}

TEST_F(LogCheckTest, AnyBitThatChangedInALogOfManyBlocksIsDamage) {
  const std::string wal = WriteWal(20'000);
  for (size_t at = 0; at < wal.size(); at += 97) {
    EXPECT_EQ(EndOfLog(WithBit(wal, at, static_cast<int>(at % 8))), LogEnd::kDamaged) << "byte " << at;
  }
}

// What RocksDB by default would do is to open with what comes before the damage.
TEST_F(LogCheckTest, AStoreWhoseLogIsDamagedIsNotOpened) {
  const std::string wal = WriteWal(100);
  for (size_t at = 0; at < wal.size(); at += 31) {
    EXPECT_THAT(OpenWith(WithBit(wal, at, static_cast<int>(at % 8))),
                Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"))
        << "byte " << at;
  }
  EXPECT_THAT(OpenWith(wal), IsOk());
  EXPECT_EQ((*OpenRocksStore({.path = path_}))->ListModels()->size(), 8u);
}

TEST_F(LogCheckTest, AStoreWhoseLastWriteIsIncompleteIsOpenedWithWhatCameBefore) {
  for (const bool zeros : {false, true}) {
    for (size_t pages = 2; pages < 40; pages += 5) {
      std::filesystem::remove_all(path_);
      const std::string wal = WriteWal(20'000);
      const size_t written = pages * kPage;
      SCOPED_TRACE(absl::StrCat(zeros ? "zeros from " : "cut at ", written, " of ", wal.size()));
      EXPECT_THAT(OpenWith(zeros ? Zeroed(wal, written) : wal.substr(0, written)), IsOk());
      const auto store = OpenRocksStore({.path = path_});
      ASSERT_THAT(store, IsOk());
      const auto checkpoints = static_cast<uint32_t>(written / (wal.size() / 8));
      EXPECT_EQ((*store)->GetCheckpoint({1, 0}, checkpoints)->has_value(), checkpoints > 0);
      EXPECT_FALSE((*store)->GetCheckpoint({1, 0}, checkpoints + 1)->has_value());
    }
  }
}

}  // namespace
}  // namespace expunge
