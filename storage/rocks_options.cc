#include "storage/rocks_options.h"

#include <cstdarg>
#include <memory>

#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/rate_limiter.h"
#include "rocksdb/table.h"

namespace expunge {
namespace {

constexpr size_t kKiB = size_t{1} << 10;
constexpr size_t kMiB = size_t{1} << 20;

// RocksDB's own log would be one more file with keys in it, and it aborts the process when it cannot be written: Debian
// builds RocksDB with assertions, and its log writer asserts that no earlier write has failed, as on a full disk.
// Errors reach us as statuses.
class NoLog : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// After a full device RocksDB would open itself to writes again, on a WAL in which a write has failed or without a
// MANIFEST that could be written: Debian builds it with assertions, and there they end the process.
class NoRecovery : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::DBOptions CommonOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env != nullptr ? env : rocksdb::Env::Default();
  options.paranoid_checks = true;
  // What is deleted leaves with its file: a WAL is neither reused nor archived.
  options.recycle_log_file_num = 0;
  options.WAL_ttl_seconds = 0;
  options.WAL_size_limit_MB = 0;
  // A MANIFEST holds the first and last key of each file that there was since it was begun: begin a new one with every
  // change of the files.
  options.max_manifest_file_size = 1;
  options.max_open_files = 500;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 2;  // by default 16, anew for each column family
  // Writers come in groups, one for each synced write. In turns, and asleep while they wait, they take a fifth less of
  // the processor than side by side.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.info_log = std::make_shared<NoLog>();
  options.listeners = {std::make_shared<NoRecovery>()};
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  // Write-back goes on all the time, so that a synced write does not wait for what others wrote before it.
  options.bytes_per_sync = kMiB;
  options.wal_bytes_per_sync = 512 * kKiB;
  return options;
}

rocksdb::BlockBasedTableOptions TableOptions(const std::shared_ptr<rocksdb::Cache>& cache, size_t block_size,
                                             bool point_reads) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = block_size;
  // Indexes and filters grow with the data: they live in the cache, in pieces, not beside it.
  table.cache_index_and_filter_blocks = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  if (point_reads) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  return table;
}

rocksdb::ColumnFamilyOptions FamilyOptions(size_t write_buffer_size, int write_buffers,
                                           const rocksdb::BlockBasedTableOptions& table) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = write_buffer_size;
  options.max_write_buffer_number = write_buffers;
  // Nearly all is ciphertext or digests; and uncompressed files can be searched for bytes that must be gone.
  options.compression = rocksdb::kNoCompression;
  options.level_compaction_dynamic_level_bytes = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Samples come in the random order of pseudonyms and are only ever scanned: files may gather before they are merged,
// which saves merging, and keeps writers, an erasure among them, from waiting for it.
rocksdb::ColumnFamilyOptions SampleFamilyOptions(const rocksdb::BlockBasedTableOptions& table) {
  rocksdb::ColumnFamilyOptions options = FamilyOptions(8 * kMiB, 4, table);
  options.max_bytes_for_level_base = 512 * kMiB;
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 40;
  options.level0_stop_writes_trigger = 64;
  return options;
}

rocksdb::ColumnFamilyOptions BlobFamilyOptions(const rocksdb::BlockBasedTableOptions& table) {
  rocksdb::ColumnFamilyOptions options = FamilyOptions(8 * kMiB, 2, table);
  options.enable_blob_files = true;
  options.min_blob_size = 4 * kKiB;  // headers stay inline
  options.blob_file_size = 64 * kMiB;
  options.blob_compression_type = rocksdb::kNoCompression;
  options.enable_blob_garbage_collection = true;
  options.blob_garbage_collection_age_cutoff = 1.0;
  options.blob_garbage_collection_force_threshold = 0.5;
  return options;
}

}  // namespace

rocksdb::DBOptions MainStoreOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options = CommonOptions(env);
  options.db_write_buffer_size = 32 * kMiB;
  options.max_total_wal_size = 64 * kMiB;
  // Without a limit that anyone meets, until a reclaim sets one: flushes go before compactions.
  options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(int64_t{16} << 30));
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> MainStoreFamilies() {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(32 * kMiB);
  const auto small = FamilyOptions(2 * kMiB, 2, TableOptions(cache, 4 * kKiB, true));
  const auto membership = FamilyOptions(4 * kMiB, 2, TableOptions(cache, 8 * kKiB, true));
  const auto samples = SampleFamilyOptions(TableOptions(cache, 32 * kKiB, false));
  const auto checkpoints = BlobFamilyOptions(TableOptions(cache, 4 * kKiB, true));
  return {{rocksdb::kDefaultColumnFamilyName, small},
          {"models", small},
          {"samples", samples},
          {"membership", membership},
          {"checkpoints", checkpoints}};
}

rocksdb::DBOptions KeyringOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options = CommonOptions(env);
  options.atomic_flush = true;  // one change of the MANIFEST, and its syncs, for all families
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> KeyringFamilies() {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(16 * kMiB);
  const auto small = FamilyOptions(2 * kMiB, 2, TableOptions(cache, 4 * kKiB, true));
  // Small files: a purge rewrites those that the destroyed keys were in, and no others.
  auto keys = small;
  keys.target_file_size_base = kMiB;
  // Rows come in the order of their keys and stay: a flush is a file that nothing overlaps, and merging moves it.
  const auto log = FamilyOptions(4 * kMiB, 2, TableOptions(cache, 4 * kKiB, false));
  // Those of checkpoints die together with any subject's: in one family with them, each flush would be a file that
  // spans all subjects.
  return {{rocksdb::kDefaultColumnFamilyName, keys},
          {"checkpoint_keys", small},
          {"erasures", small},
          {"suppressions", small},
          {"traces", small},
          {"log_entries", log},
          {"log_nodes", log}};
}

rocksdb::ReadOptions ScanOptions() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = 256 * kKiB;  // of each file that takes part in a scan
  return options;
}

}  // namespace expunge
