// The search of a directory for bytes that must be gone, for few and for many patterns at once, beside reading the same
// file in the same blocks and summing it. The file is in the system's cache, so that nobody waits for a disk and CPU
// time is what counts; its bytes are random, as ciphertext is. In turns, compared round by round.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/trace_search.h"
#include "tests/bench/bench_main.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr int kRounds = 9;
constexpr size_t kFileBytes = size_t{1} << 30;
constexpr size_t kBlockBytes = size_t{256} << 10;  // as the search has them
constexpr size_t kPatternBytes = 32;
constexpr std::array<size_t, 3> kPatternCounts = {1, 1000, 100'000};

std::string RandomBytes(std::mt19937_64& generator, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
    const uint64_t word = generator();
    std::memcpy(bytes.data() + i, &word, sizeof(word));
  }
  return bytes;
}

PatternSet RandomPatterns(std::mt19937_64& generator, size_t count) {
  std::vector<std::string> patterns(count);
  for (std::string& pattern : patterns) pattern = RandomBytes(generator, kPatternBytes);
  return ValueOf(PatternSet::Create(std::move(patterns)));
}

void WriteFile(std::mt19937_64& generator, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  for (size_t done = 0; done < kFileBytes; done += kBlockBytes) file << RandomBytes(generator, kBlockBytes);
  if (!file.flush()) CheckOk(absl::UnavailableError(absl::StrCat("cannot write ", path)));
}

uint64_t SumFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<uint64_t> block(kBlockBytes / sizeof(uint64_t));
  uint64_t sum = 0;
  for (off_t done = 0; done < static_cast<off_t>(kFileBytes); done += kBlockBytes) {
    if (pread(descriptor, block.data(), kBlockBytes, done) != static_cast<ssize_t>(kBlockBytes)) {
      CheckOk(absl::UnavailableError(absl::StrCat("cannot read ", path)));
    }
    for (const uint64_t word : block) sum += word;
  }
  close(descriptor);
  return sum;
}

template <typename Call>
double CpuSecondsOf(Call&& call) {
  const double before = ProcessCpuSeconds();
  call();
  return ProcessCpuSeconds() - before;
}

void SearchAll(const PatternSet& patterns, const std::string& directory) {
  const TraceReport report = ValueOf(SearchForTraces(patterns, directory));
  if (report.bytes != kFileBytes || report.hit_count != 0) CheckOk(absl::InternalError("the search went wrong"));
}

void BM_Scan(benchmark::State& state) {
  const TempDir directory;
  std::mt19937_64 generator(1);
  WriteFile(generator, directory / "file");
  std::vector<PatternSet> sets;
  sets.reserve(kPatternCounts.size());
  for (const size_t count : kPatternCounts) sets.push_back(RandomPatterns(generator, count));
  SumFile(directory / "file");  // all of it is in the cache now

  Series summing;
  std::array<Series, kPatternCounts.size()> searching, ratios;
  for (auto _ : state) {
    const double yardstick = CpuSecondsOf([&] { benchmark::DoNotOptimize(SumFile(directory / "file")); });
    summing.Add(yardstick);
    for (size_t i = 0; i < sets.size(); ++i) {
      const double seconds = CpuSecondsOf([&] { SearchAll(sets[i], directory.path()); });
      searching[i].Add(seconds);
      ratios[i].Add(yardstick / seconds);
    }
  }
  state.counters["read_and_sum_GB_per_s"] = kFileBytes / 1e9 / summing.Median();
  for (size_t i = 0; i < sets.size(); ++i) {
    const std::string name = absl::StrCat("scan_", kPatternCounts[i], "_patterns");
    state.counters[name + "_GB_per_s"] = kFileBytes / 1e9 / searching[i].Median();
    ReportRatio(name + "_vs_read_and_sum", ratios[i].Median());
  }
}

BENCHMARK(BM_Scan)->Iterations(kRounds)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace expunge
