// Forget until it is acknowledged, through the client, gRPC and the disk, beside one synced write of the same bytes to
// a bare RocksDB on the same disk. All in turns: each round forgets one subject in a large and one in a small store and
// makes one synced write, while the retrains and purges that the forgets caused go on, as they do in production.

#include <benchmark/benchmark.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "learning/torch_trainer.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"

namespace expunge {
namespace {

constexpr int64_t kInputBytes = 784;
constexpr int64_t kSmall = 10'000;
constexpr int64_t kLarge = 300'000;
constexpr int kRounds = 800;
constexpr int kWarmUpRounds = 20;

// A trained store whose subjects are forgotten one after the other.
class TrainedStore {
 public:
  TrainedStore(const Trainer* trainer, absl::Duration retrain_delay, int64_t samples)
      : server_(trainer, retrain_delay) {
    Create(server_.client(), CheapModel("m", kInputBytes, /*shards=*/8));
    Ingest(server_.client(), "m", RandomBatches(samples, kInputBytes));
    TrainAndWait(server_.client(), "m");
  }

  double ForgetNext() {
    const std::string subject = SubjectName(next_++);
    return SecondsOf([&] { Forget(server_.client(), subject); });
  }

 private:
  BenchServer server_;
  int64_t next_ = 0;
};

// RocksDB as it comes, on the same disk.
class BareDatabase {
 public:
  BareDatabase() {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    CheckRocks(rocksdb::DB::Open(options, directory_.path(), &opened));
    database_.reset(opened);
  }

  double SyncedWrite() {
    const std::string value(kForgetBytes, 'x');
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return SecondsOf([&] { CheckRocks(database_->Put(synced, std::to_string(next_++), value)); });
  }

 private:
  static constexpr size_t kForgetBytes = 1500;  // of both writes that a Forget of ten samples makes

  static void CheckRocks(const rocksdb::Status& status) {
    if (!status.ok()) CheckOk(absl::InternalError(status.ToString()));
  }

  const TempDir directory_;
  std::unique_ptr<rocksdb::DB> database_;
  int64_t next_ = 0;
};

struct Measured {
  Series large;
  Series small;
  Series synced_write;

  double p99_vs_synced_write() const { return large.Percentile(99) / synced_write.Percentile(99); }
  double growth() const { return large.Median() / small.Median(); }
};

Measured MeasureForget(benchmark::State& state, absl::Duration retrain_delay) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  TrainedStore large(trainer.get(), retrain_delay, kLarge);
  TrainedStore small(trainer.get(), retrain_delay, kSmall);
  BareDatabase bare;
  Measured measured;
  const std::array<std::function<void()>, 3> turns = {[&] { measured.large.Add(large.ForgetNext()); },
                                                      [&] { measured.small.Add(small.ForgetNext()); },
                                                      [&] { measured.synced_write.Add(bare.SyncedWrite()); }};
  std::array<size_t, 3> order = {0, 1, 2};
  std::mt19937 generator(1);
  const auto run_round = [&] {
    std::shuffle(order.begin(), order.end(), generator);
    for (const size_t turn : order) turns[turn]();
  };
  for (int round = 0; round < kWarmUpRounds; ++round) run_round();
  measured = {};
  for (auto _ : state) run_round();
  const auto report = [&state](const std::string& name, const Series& series) {
    state.counters[name + "_p50_ms"] = 1000 * series.Median();
    state.counters[name + "_p99_ms"] = 1000 * series.Percentile(99);
  };
  report("forget_300k", measured.large);
  report("forget_10k", measured.small);
  report("synced_write", measured.synced_write);
  return measured;
}

void BM_Forget(benchmark::State& state) {
  const Measured measured = MeasureForget(state, absl::ZeroDuration());
  ReportRatio("forget_p99_vs_synced_write", measured.p99_vs_synced_write());
  ReportRatio("forget_growth_10k_to_300k", measured.growth());
}

// What is left when the retrains do not compete for processor and disk.
void BM_ForgetWithoutRetrains(benchmark::State& state) {
  const Measured measured = MeasureForget(state, absl::Hours(24));
  ReportRatio("forget_p99_vs_synced_write_without_retrains", measured.p99_vs_synced_write());
  ReportRatio("forget_growth_10k_to_300k_without_retrains", measured.growth());
}

BENCHMARK(BM_Forget)->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ForgetWithoutRetrains)->Iterations(kRounds)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
