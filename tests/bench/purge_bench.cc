// How long a forgotten subject's key can still be on the disk: through the service, from the call of Forget to the
// erasure's purged_time; and in the keyring alone, to destroy one key among a million and make that physical, beside
// one among ten thousand, in turns.

#include <benchmark/benchmark.h>
#include <time.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "learning/torch_trainer.h"
#include "storage/keyring.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

constexpr int64_t kInputBytes = 64;
constexpr int64_t kSamples = 100'000;  // ten to a subject

// A trained server, and when Forget was called for which erasure. Thread-safe.
class ForgettingServer {
 public:
  ForgettingServer() : trainer_(CreateTorchTrainer()), server_(trainer_.get()) {
    Create(server_.client(), CheapModel("m", kInputBytes, /*shards=*/8));
    Ingest(server_.client(), "m", RandomBatches(kSamples, kInputBytes));
    TrainAndWait(server_.client(), "m");
  }

  void ForgetSubject(int64_t index) {
    const absl::Time called = absl::Now();
    const v1::Erasure erasure = Forget(server_.client(), SubjectName(index));
    MutexLock lock(&mutex_);
    calls_.emplace_back(erasure.name(), called);
  }

  // Waits for the purge of everything that was forgotten. Seconds from the calls.
  Series WaitForPurges() {
    MutexLock lock(&mutex_);
    Series seconds;
    for (const auto& [name, called] : calls_) seconds.Add(absl::ToDoubleSeconds(PurgeTime(name) - called));
    return seconds;
  }

 private:
  absl::Time PurgeTime(const std::string& name) {
    v1::WatchErasureRequest watch;
    watch.set_name(name);
    absl::Time purged = absl::InfiniteFuture();
    CheckOk(server_.client().WatchErasure(watch, [&purged](const v1::Erasure& erasure) {
      if (!erasure.milestones().has_purged_time()) return true;
      const auto& time = erasure.milestones().purged_time();
      purged = absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
      return false;
    }));
    return purged;
  }

  const std::unique_ptr<Trainer> trainer_;
  BenchServer server_;
  Mutex mutex_;
  std::vector<std::pair<std::string, absl::Time>> calls_ ABSL_GUARDED_BY(mutex_);
};

void ReportPersistence(benchmark::State& state, const std::string& ratio, const Series& seconds) {
  state.counters["p50_ms"] = 1000 * seconds.Median();
  state.counters["p99_ms"] = 1000 * seconds.Percentile(99);
  ReportRatio(ratio, seconds.Percentile(99));
}

// One call after the other, each at its own moment, or at once when that has passed.
void BM_DeletePersistence(benchmark::State& state) {
  constexpr int kForgets = 400;
  constexpr int64_t kIntervalNanos = 50'000'000;  // 20 in a second, for 20 seconds
  ForgettingServer server;
  for (auto _ : state) {
    timespec moment = {};
    clock_gettime(CLOCK_MONOTONIC, &moment);
    for (int i = 0; i < kForgets; ++i) {
      server.ForgetSubject(i);
      moment.tv_nsec += kIntervalNanos;
      if (moment.tv_nsec >= 1'000'000'000) moment = {moment.tv_sec + 1, moment.tv_nsec - 1'000'000'000};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr) != 0) continue;
    }
  }
  ReportPersistence(state, "delete_persistence_p99_seconds", server.WaitForPurges());
}

void BM_DeletePersistenceOfBurst(benchmark::State& state) {
  constexpr int kForgets = 1'000;
  constexpr int kCallers = 64;
  ForgettingServer server;
  for (auto _ : state) {
    state.counters["forgets_per_second"] =
        CallsPerSecond(kCallers, kForgets, [&](int64_t i) { server.ForgetSubject(i); });
  }
  ReportPersistence(state, "delete_persistence_burst_p99_seconds", server.WaitForPurges());
}

class FilledKeyring {
 public:
  explicit FilledKeyring(int64_t keys)
      : keyring_(
            ValueOf(Keyring::Open({.path = directory_ / "keyring", .master_key_file = directory_ / "master.key"}))) {
    constexpr int64_t kBatch = 1000;  // about as many as an ingested batch brings
    for (int64_t first = 0; first < keys; first += kBatch) {
      std::vector<SubjectKey> made;
      std::vector<Keyring::Admission> admissions(kBatch);
      for (int64_t i = 0; i < kBatch; ++i) made.push_back(SubjectKey::Random());
      for (int64_t i = 0; i < kBatch; ++i) {
        admissions[i].subject = keyring_->PseudonymOf(SubjectName(first + i));
        admissions[i].new_key = &made[i];
      }
      CheckOk(keyring_->AdmitSubjects(kModel, admissions));
    }
    CheckOk(keyring_->Purge());
  }

  // The next subject's key and those of the checkpoints that knew it, as a Forget destroys them.
  double ShredNext() {
    for (uint32_t slice = 0; slice < kSlices; ++slice) {
      CheckOk(keyring_->CreateCheckpointKey(kShard, slice, RandomCheckpointKeyId(), DataKey::Random()));
    }
    records::Erasure erasure;
    erasure.set_sequence(next_ + 1);
    erasure.set_uuid(std::to_string(next_));
    const Keyring::ErasureWrite write = {.erasure = &erasure,
                                         .subject = keyring_->PseudonymOf(SubjectName(next_++)),
                                         .forgotten_in = {kModel},
                                         .checkpoints = {{kShard, /*first_slice=*/0}},
                                         .suppress_in = {kEveryModel}};
    return SecondsOf([&] {
      CheckOk(keyring_->RecordErasures({&write, 1}));
      CheckOk(keyring_->Purge());
    });
  }

 private:
  static constexpr ModelUid kModel = 1;
  static constexpr ShardId kShard = {kModel, 0};
  static constexpr uint32_t kSlices = 8;

  const TempDir directory_;
  const std::unique_ptr<Keyring> keyring_;
  int64_t next_ = 0;
};

void BM_ShredOneKey(benchmark::State& state) {
  FilledKeyring large(1'000'000);
  FilledKeyring small(10'000);
  Series large_seconds, small_seconds;
  for (auto _ : state) {
    large_seconds.Add(large.ShredNext());
    small_seconds.Add(small.ShredNext());
    state.SetIterationTime(large_seconds.Last());
  }
  state.counters["of_1m_ms"] = 1000 * large_seconds.Median();
  state.counters["of_10k_ms"] = 1000 * small_seconds.Median();
  ReportRatio("shred_1m_vs_10k", large_seconds.Median() / small_seconds.Median());
}

BENCHMARK(BM_DeletePersistence)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(BM_DeletePersistenceOfBurst)->Iterations(1)->Unit(benchmark::kSecond);
BENCHMARK(BM_ShredOneKey)->UseManualTime()->Iterations(25)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
