#ifndef EXPUNGE_TESTS_BENCH_BENCH_MAIN_H_
#define EXPUNGE_TESTS_BENCH_BENCH_MAIN_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace expunge {

// What the programs in this folder share. Each links bench_main, which holds main(): it takes Google Benchmark's
// options and --ratios_out=FILE. Benchmarks whose name ends in "Long" take minutes; they run only when
// --benchmark_filter asks for them. Scratch data lie under $TMPDIR, or else under /var/tmp, which is a disk also where
// /tmp is memory.

// A figure of this run over its yardstick in the same run, for the flat JSON object of --ratios_out; or a time that has
// a bound of its own, in seconds, with a name that says so. Of one name the last value counts.
void ReportRatio(std::string_view name, double value);

// Times of one thing, in seconds, or ratios of two.
class Series {
 public:
  void Add(double value) { values_.push_back(value); }
  double Last() const { return values_.back(); }
  double Median() const { return Percentile(50); }
  // Of at least one value: the smallest that `percent` of them do not exceed.
  double Percentile(double percent) const;
  double Mean() const;

 private:
  std::vector<double> values_;
};

// Wall time of one call.
template <typename Call>
double SecondsOf(Call&& call) {
  const auto begin = std::chrono::steady_clock::now();
  std::forward<Call>(call)();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Makes `calls` calls from `callers` threads at once, each of which makes its next one when the last one has returned,
// and returns how many were made in a second. `call` gets the numbers from 0 to `calls` - 1, each once.
double CallsPerSecond(int callers, int64_t calls, const std::function<void(int64_t)>& call);

// CPU time of all threads of this process so far.
double ProcessCpuSeconds();

// Ends the program with the message when there is an error: what then follows measures nothing.
void CheckOk(const absl::Status& status);

template <typename T>
T ValueOf(absl::StatusOr<T> value) {
  CheckOk(value.status());
  return *std::move(value);
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_BENCH_BENCH_MAIN_H_
