#ifndef EXPUNGE_ADMIN_SCAN_H_
#define EXPUNGE_ADMIN_SCAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/pattern_file.h"

namespace expunge {

struct ScanHit {
  std::string file;  // relative to the data directory
  uint64_t offset = 0;
  int64_t line = 0;  // of the pattern
};

struct ScanReport {
  std::vector<ScanHit> hits;  // by file and offset; the first kMaxHits
  uint64_t hit_count = 0;     // all of them
  uint64_t files = 0;         // that were searched
  uint64_t bytes = 0;         // in them
  uint64_t links = 0;         // symbolic links that were not followed: what is behind them was not searched

  static constexpr uint64_t kMaxHits = 100;
};

// Searches all files of a data directory, of a server that may be running, for bytes that must not be there. Only
// reads. storage/trace_search.h says what is found, and the errors; INVALID_ARGUMENT for no pattern or one that is too
// short; FAILED_PRECONDITION (NOTHING_SEARCHED) where there is not a byte.
absl::StatusOr<ScanReport> Scan(const std::string& data_dir, const std::vector<Pattern>& patterns);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_SCAN_H_
