#include "admin/scan.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/pattern_set.h"
#include "storage/trace_search.h"

namespace expunge {

absl::StatusOr<ScanReport> Scan(const std::string& data_dir, const std::vector<Pattern>& patterns) {
  std::vector<std::string> bytes;
  bytes.reserve(patterns.size());
  for (const Pattern& pattern : patterns) bytes.push_back(pattern.bytes);
  ASSIGN_OR_RETURN(const PatternSet set, PatternSet::Create(std::move(bytes)));
  ASSIGN_OR_RETURN(TraceReport traces,
                   SearchForTraces(set, data_dir, {.max_hits = ScanReport::kMaxHits, .is_data_dir = true}));
  if (traces.bytes == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_SEARCHED",
                 absl::StrCat(data_dir, " holds nothing to be searched: it is no server's data directory"));
  }
  ScanReport report = {
      .hit_count = traces.hit_count, .files = traces.files, .bytes = traces.bytes, .links = traces.links};
  for (TraceHit& hit : traces.hits) {
    report.hits.push_back({std::move(hit.file), hit.offset, patterns[hit.pattern].line});
  }
  return report;
}

}  // namespace expunge
