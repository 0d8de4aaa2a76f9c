#include "tests/bench/bench_main.h"

#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <latch>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <thread>

namespace expunge {
namespace {

constexpr std::string_view kRatiosOption = "--ratios_out=";

std::map<std::string, double, std::less<>>& Ratios() {
  static auto* const ratios = new std::map<std::string, double, std::less<>>();
  return *ratios;
}

bool WriteRatios(const std::string& path) {
  std::ofstream file(path);
  file.precision(6);
  file << "{";
  const char* separator = "\n";
  for (const auto& [name, value] : Ratios()) {
    file << separator << "  \"" << name << "\": " << value;
    separator = ",\n";
  }
  file << "\n}\n";
  return file.flush().good();
}

// Takes our own option out of the arguments.
std::optional<std::string> TakeRatiosOption(std::vector<char*>& arguments) {
  std::optional<std::string> path;
  std::erase_if(arguments, [&path](const char* argument) {
    if (!std::string_view(argument).starts_with(kRatiosOption)) return false;
    path = argument + kRatiosOption.size();
    return true;
  });
  return path;
}

int Main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  const std::optional<std::string> ratios_path = TakeRatiosOption(arguments);
  std::string no_long_ones = "--benchmark_filter=-Long";  // before the given options, which decide
  std::string counters_in_columns = "--benchmark_counters_tabular=true";
  arguments.insert(arguments.begin() + 1, {no_long_ones.data(), counters_in_columns.data()});
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  setenv("TMPDIR", "/var/tmp", /*overwrite=*/0);

  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  for (const auto& [name, value] : Ratios()) std::cout << name << ": " << value << "\n";
  if (ratios_path && !WriteRatios(*ratios_path)) {
    std::cerr << "cannot write " << *ratios_path << "\n";
    return 1;
  }
  return 0;
}

}  // namespace

void ReportRatio(std::string_view name, double value) { Ratios()[std::string(name)] = value; }

double Series::Percentile(double percent) const {
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const size_t rank = static_cast<size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted.at(std::max<size_t>(rank, 1) - 1);
}

double Series::Mean() const {
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

double CallsPerSecond(int callers, int64_t calls, const std::function<void(int64_t)>& call) {
  std::atomic<int64_t> next = 0;
  std::latch started(callers + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      started.arrive_and_wait();
      for (int64_t index = next++; index < calls; index = next++) call(index);
    });
  }
  started.arrive_and_wait();
  const double seconds = SecondsOf([&] {
    for (std::thread& thread : threads) thread.join();
  });
  return static_cast<double>(calls) / seconds;
}

double ProcessCpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void CheckOk(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "benchmark failed: " << status << std::endl;
  std::_Exit(1);
}

}  // namespace expunge

int main(int argc, char** argv) { return expunge::Main(argc, argv); }
