#ifndef EXPUNGE_STORAGE_ROCKS_FILES_H_
#define EXPUNGE_STORAGE_ROCKS_FILES_H_

#include <atomic>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "storage/keys.h"
#include "storage/read_epochs.h"
#include "storage/rocks_database.h"

namespace expunge {

// What makes a deletion physical. In this order: Flush, Rewrite, BeginManifest, AwaitDeletions; and nobody may hold a
// snapshot or an iterator from before. `name` is what messages call the database.

// Reads every file and compares its checksums.
absl::Status VerifyChecksums(const RocksDatabase& database, std::string_view name);

// Everything in memory goes to files, which ends the WAL in use.
absl::Status Flush(const RocksDatabase& database, std::string_view name);

// A forced compaction of one range of a family, blob files too: what is deleted in it is in no file any more. CANCELLED
// when `cancel` became true.
absl::Status Rewrite(const RocksDatabase& database, size_t family, const KeyRange& range, std::string_view name,
                     std::atomic<bool>* cancel = nullptr);

// A MANIFEST tells of the files from before the change that began it, and with them of their first and last keys. This
// makes one more change, of a setting to what it is.
absl::Status BeginManifest(const RocksDatabase& database, std::string_view name);

// The obsolete files are gone, durably; or UNAVAILABLE as from CheckDeletesFiles.
absl::Status AwaitDeletions(const RocksDatabase& database, std::string_view name);

// Store::Reclaim, of the rows of samples, membership and checkpoints in these ranges. Waits for who reads them.
absl::Status ReclaimRanges(const RocksDatabase& database, absl::Span<const KeyRange> ranges, uint64_t bytes_per_second,
                           ReadEpochs* reads, std::atomic<bool>* cancel);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_FILES_H_
