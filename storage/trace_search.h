#ifndef EXPUNGE_STORAGE_TRACE_SEARCH_H_
#define EXPUNGE_STORAGE_TRACE_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/pattern_set.h"

namespace expunge {

struct TraceHit {
  std::string file;  // relative to the directory
  uint64_t offset = 0;
  size_t pattern = 0;  // its index

  friend bool operator==(const TraceHit&, const TraceHit&) = default;
};

struct TraceReport {
  std::vector<TraceHit> hits;  // by file and offset; no more than TraceSearchOptions::max_hits
  uint64_t hit_count = 0;      // all of them
  uint64_t files = 0;          // that were searched
  uint64_t bytes = 0;          // in them
  uint64_t links = 0;          // symbolic links that were not followed
  std::string first_link;      // of these, by name
};

struct TraceSearchOptions {
  size_t max_hits = 100;
  // A server's: `store` and `keyring` may be links and are followed, and one to the master key does not count.
  bool is_data_dir = false;
  std::function<bool()> stop;  // when set, asked before each block of a file
};

// Searches every regular file under `directory` for the patterns, as bytes: what is compressed, encrypted or cut in two
// by a format is not found. But what RocksDB cuts in a WAL or MANIFEST is, up to 32,000 bytes: there a record goes on
// seven bytes after the end of each block of 32 KiB. (Out of a key in an SST it leaves what it shares with the key
// before. Half a pattern may be found there still.)
//
// The directory may be in use. Bytes that lie in it from the beginning to the end are found wherever they move
// meanwhile, be the file renamed, rewritten into another or deleted: a file that vanishes is skipped, and the directory
// is gone through again, for what is new or changed, until nothing new appears. Bytes in a file that went away after it
// was searched are reported still.
//
// Memory does not grow with the data, but for a few words a file. Runs on the calling thread; thread-safe. What it had
// to fetch from the disk, the system is told to drop from its cache again. Empty files are not opened, and so the lock
// of a RocksDB that this process has open stays: closing any descriptor of a file drops the process's fcntl locks.
//
// CANCELLED, SEARCH_STOPPED, when `stop` said so. When something could not be read, no report but an error, reason
// SEARCH_INCOMPLETE, which names it: NOT_FOUND when it is `directory`, PERMISSION_DENIED, else UNAVAILABLE.
absl::StatusOr<TraceReport> SearchForTraces(const PatternSet& patterns, const std::string& directory,
                                            const TraceSearchOptions& options = {});

// Whether a search of this data directory could succeed now: opens every file and reads none. One that does not exist
// is well. FAILED_PRECONDITION (DATA_DIR_NOT_SEARCHABLE) names what may not be read, or a link that is not followed,
// relative to the directory; the errors of SearchForTraces.
absl::Status CheckSearchable(const std::string& data_dir);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_TRACE_SEARCH_H_
