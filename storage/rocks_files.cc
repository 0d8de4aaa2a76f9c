#include "storage/rocks_files.h"

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/rate_limiter.h"
#include "rocksdb/transaction_log.h"
#include "storage/rocks_options.h"
#include "storage/rocks_status.h"

namespace expunge {

absl::Status VerifyChecksums(const RocksDatabase& database, std::string_view name) {
  return FromRocks(database->VerifyChecksum(), name);
}

absl::Status Flush(const RocksDatabase& database, std::string_view name) {
  return FromRocks(database->Flush(rocksdb::FlushOptions(), database.families()), name);
}

absl::Status Rewrite(const RocksDatabase& database, size_t family, const KeyRange& range, std::string_view name,
                     std::atomic<bool>* cancel) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1.0;
  options.exclusive_manual_compaction = false;
  options.canceled = cancel;
  const rocksdb::Slice begin(range.begin), end(range.end);
  const rocksdb::Status compacted = database->CompactRange(
      options, database.family(family), range.begin.empty() ? nullptr : &begin, range.end.empty() ? nullptr : &end);
  if (compacted.IsIncomplete() && cancel != nullptr && *cancel) return absl::CancelledError("stopped");
  return FromRocks(compacted, name);
}

absl::Status BeginManifest(const RocksDatabase& database, std::string_view name) {
  return FromRocks(database->EnableAutoCompaction({database.family(0)}), name);
}

absl::Status AwaitDeletions(const RocksDatabase& database, std::string_view name) {
  // The files that became obsolete may still be on their way out in a background thread. With deletions disabled,
  // listing the WALs waits for that, and enabling deletions takes away all that is left.
  RETURN_IF_ERROR(FromRocks(database->DisableFileDeletions(), name));
  rocksdb::VectorLogPtr logs;
  const rocksdb::Status listed = database->GetSortedWalFiles(logs);
  const rocksdb::Status enabled = database->EnableFileDeletions(/*force=*/false);
  RETURN_IF_ERROR(FromRocks(listed, name));
  RETURN_IF_ERROR(FromRocks(enabled, name));
  // Until the directory is synced, a loss of power may bring a file back that was deleted.
  std::unique_ptr<rocksdb::Directory> directory;
  RETURN_IF_ERROR(FromRocks(database->GetEnv()->NewDirectory(database->GetName(), &directory), name));
  RETURN_IF_ERROR(FromRocks(directory->Fsync(), name));
  return database.CheckDeletesFiles(name);
}

absl::Status ReclaimRanges(const RocksDatabase& database, absl::Span<const KeyRange> ranges, uint64_t bytes_per_second,
                           ReadEpochs* reads, std::atomic<bool>* cancel) {
  constexpr std::string_view kName = "the main store";
  rocksdb::RateLimiter& limiter = *database->GetDBOptions().rate_limiter;
  const int64_t usual = limiter.GetBytesPerSecond();
  const auto restore = absl::MakeCleanup([&limiter, usual] { limiter.SetBytesPerSecond(usual); });
  if (bytes_per_second > 0) limiter.SetBytesPerSecond(static_cast<int64_t>(bytes_per_second));

  reads->WaitForEarlier();  // what their snapshots see no compaction takes away
  RETURN_IF_ERROR(Flush(database, kName));
  for (const KeyRange& rows : ranges) {
    for (const MainStoreFamily family : {kSamples, kMembership, kCheckpoints}) {
      RETURN_IF_ERROR(Rewrite(database, family, rows, kName, cancel));
    }
  }
  RETURN_IF_ERROR(BeginManifest(database, kName));
  reads->WaitForEarlier();  // nor the files that they read
  return AwaitDeletions(database, kName);
}

}  // namespace expunge
