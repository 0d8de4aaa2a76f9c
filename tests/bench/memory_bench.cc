// The memory that `expunged` takes while it ingests and trains: shards of one size, few of them and many. What grows
// from the one to the other grows with the data, and there must be none of that but for noise; the measure of it is
// what the workers hold at a time, one shard's samples each.

#include <benchmark/benchmark.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"

extern char** environ;

namespace expunge {
namespace {

constexpr int kWorkers = 2;
constexpr int64_t kInputBytes = 3072;  // 32 x 32 in three colours
constexpr int64_t kShardBytes = int64_t{48} << 20;
constexpr int kFewShards = 4;
constexpr int kManyShards = 24;

// The server as a process of its own.
class ServerProcess {
 public:
  ServerProcess() {
    const std::array<std::string, 5> arguments = {
        EXPUNGE_SERVER_PROGRAM, absl::StrCat("--data-dir=", directory_ / "data"), "--listen=127.0.0.1:0",
        absl::StrCat("--workers=", kWorkers), absl::StrCat("--port-file=", directory_ / "port")};
    std::vector<char*> raw;
    for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
    raw.push_back(nullptr);
    if (posix_spawn(&pid_, raw[0], nullptr, nullptr, raw.data(), environ) != 0) {
      CheckOk(absl::UnavailableError(absl::StrCat("cannot start ", arguments[0])));
    }
  }

  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  ~ServerProcess() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

  // Empty until it serves.
  std::string Address() const {
    std::ifstream file(directory_ / "port");
    int port = 0;
    return file >> port ? absl::StrCat("127.0.0.1:", port) : "";
  }

  bool Ended() const { return waitpid(pid_, nullptr, WNOHANG) == pid_; }

  // The most that it ever had resident.
  double PeakBytes() const {
    std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
    for (std::string word; status >> word;) {
      double kilobytes = 0;
      if (word == "VmHWM:" && status >> kilobytes) return 1024 * kilobytes;
    }
    CheckOk(absl::UnavailableError("the server has ended"));
    return 0;
  }

 private:
  const TempDir directory_;
  pid_t pid_ = 0;
};

std::string WaitForAddress(const ServerProcess& server) {
  for (;;) {
    if (std::string address = server.Address(); !address.empty()) return address;
    if (server.Ended()) CheckOk(absl::UnavailableError("the server has ended before it served"));
    poll(nullptr, 0, /*milliseconds=*/20);
  }
}

struct Peaks {
  double idle = 0;
  double ingested = 0;
  double trained = 0;
};

Peaks MeasurePeaks(int shards) {
  const ServerProcess server;
  Client client({.address = WaitForAddress(server)});
  Peaks peaks;
  Create(client, CheapModel("m", kInputBytes, shards));
  peaks.idle = server.PeakBytes();
  Ingest(client, "m", RandomBatches(shards * kShardBytes / kInputBytes, kInputBytes));
  peaks.ingested = server.PeakBytes();
  TrainAndWait(client, "m");
  peaks.trained = server.PeakBytes();
  return peaks;
}

void BM_PeakMemory(benchmark::State& state) {
  constexpr double kMiB = 1 << 20;
  Peaks few, many;
  for (auto _ : state) {
    few = MeasurePeaks(kFewShards);
    many = MeasurePeaks(kManyShards);
  }
  const auto report = [&state](const std::string& name, const Peaks& peaks) {
    state.counters[name + "_idle_MiB"] = peaks.idle / kMiB;
    state.counters[name + "_ingested_MiB"] = peaks.ingested / kMiB;
    state.counters[name + "_trained_MiB"] = peaks.trained / kMiB;
  };
  report("few", few);
  report("many", many);
  state.counters["few_data_MiB"] = kFewShards * kShardBytes / kMiB;
  state.counters["many_data_MiB"] = kManyShards * kShardBytes / kMiB;
  ReportRatio("memory_growth_vs_shard_per_worker", (many.trained - few.trained) / (kWorkers * kShardBytes));
}

BENCHMARK(BM_PeakMemory)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace expunge
