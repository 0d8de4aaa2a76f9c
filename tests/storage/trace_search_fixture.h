#ifndef EXPUNGE_TESTS_STORAGE_TRACE_SEARCH_FIXTURE_H_
#define EXPUNGE_TESTS_STORAGE_TRACE_SEARCH_FIXTURE_H_

#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/trace_search.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace expunge {

// A directory of files, and the search of it.
class TraceSearchTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view content) const {
    std::ofstream(directory_ / name, std::ios::binary) << content;
  }

  absl::StatusOr<TraceReport> Search(std::vector<std::string> patterns, const TraceSearchOptions& options = {}) const {
    const auto set = PatternSet::Create(std::move(patterns));
    EXPECT_THAT(set, IsOk());
    return SearchForTraces(*set, directory_.path(), options);
  }

  std::vector<TraceHit> Hits(std::vector<std::string> patterns, const TraceSearchOptions& options = {}) const {
    const auto report = Search(std::move(patterns), options);
    EXPECT_THAT(report, IsOk());
    EXPECT_EQ(report->hits.size(), report->hit_count);
    return report->hits;
  }

  const TempDir directory_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_STORAGE_TRACE_SEARCH_FIXTURE_H_
