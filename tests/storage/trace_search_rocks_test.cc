#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "storage/trace_search.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr char kCanary[] = "canary that stays in the database";

class TraceSearchRocksTest : public testing::Test {
 protected:
  TraceSearchRocksTest() {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* opened = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(options, directory_.path(), &opened).ok());
    database_.reset(opened);
  }

  void Put(const std::string& key, const std::string& value) {
    EXPECT_TRUE(database_->Put(rocksdb::WriteOptions(), key, value).ok());
  }

  // Every file of the database is replaced by another.
  void RewriteAll() {
    EXPECT_TRUE(database_->Flush(rocksdb::FlushOptions()).ok());
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    EXPECT_TRUE(database_->CompactRange(options, nullptr, nullptr).ok());
  }

  uint64_t CountCanaries(const TraceSearchOptions& options = {}) const {
    const auto report = SearchForTraces(*PatternSet::Create({kCanary}), directory_.path(), options);
    EXPECT_THAT(report, IsOk());
    return report->hit_count;
  }

  const TempDir directory_;
  std::unique_ptr<rocksdb::DB> database_;
};

TEST_F(TraceSearchRocksTest, FindsAValueUntilItIsPhysicallyGone) {
  Put("key", kCanary);
  EXPECT_EQ(CountCanaries(), 1u) << "in the WAL";
  RewriteAll();
  EXPECT_EQ(CountCanaries(), 1u) << "in an SST";
  EXPECT_TRUE(database_->Delete(rocksdb::WriteOptions(), "key").ok());
  EXPECT_EQ(CountCanaries(), 1u) << "deleted, but not rewritten";
  RewriteAll();
  EXPECT_EQ(CountCanaries(), 0u);
}

TEST_F(TraceSearchRocksTest, FindsAValueThatTheLogCutsWhereABlockEnds) {
  constexpr size_t kLogBlock = 32 << 10;
  constexpr size_t kBeforeValue = 27;  // about, in a record
  constexpr size_t kLength = sizeof(kCanary) - 1;
  const auto log_bytes = [this] {
    size_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.path().extension() == ".log") bytes += entry.file_size();
    }
    return bytes;
  };
  // Each canary lies across the end of a block, at another place.
  uint64_t cut = 0;
  for (size_t before = 0; before <= kLength; ++before) {
    const size_t left = 2 * kLogBlock - log_bytes() % kLogBlock;
    Put("key", std::string(left - kBeforeValue - before, 'y') + kCanary);
  }
  const auto report = SearchForTraces(*PatternSet::Create({kCanary}), directory_.path());
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->hit_count, kLength + 1);
  for (const TraceHit& hit : report->hits) cut += hit.offset / kLogBlock != (hit.offset + kLength - 1) / kLogBlock;
  EXPECT_GT(cut, kLength / 2) << "the control";
}

TEST_F(TraceSearchRocksTest, NeverMissesAValueThatCompactionsMoveMeanwhile) {
  Put("key", kCanary);
  RewriteAll();
  Put("other key", "value");  // so that a WAL is read first, whose number is below that of the SST with the canary
  for (int first = 1; first <= 12; ++first) {
    int asked = 0;
    const auto move = [&] {
      if (++asked >= first && asked < first + 4) {
        RewriteAll();
        Put("other key", "value");
      }
      return false;
    };
    EXPECT_GE(CountCanaries({.stop = move}), 1u) << "moved from question " << first << " on";
    EXPECT_GE(asked, first);
  }
}

}  // namespace
}  // namespace expunge
