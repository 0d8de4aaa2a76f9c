// A hundred thousand erasures that are open at once, over 64 shards whose training is held: what the server's parts
// take in memory for them, how long a start with them takes, and how many retrains carry them all out once training
// goes on.

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "engine/engine.h"
#include "tests/bench/bench_main.h"
#include "tests/testing/controlled_trainer.h"
#include "tests/testing/hash_trainer.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/waiting.h"

namespace expunge {
namespace {

constexpr int kSubjects = 110'000;
constexpr int kErasures = 100'000;
constexpr uint32_t kShards = 64;
constexpr int kCallers = 32;
constexpr size_t kInputBytes = 64;
constexpr double kAllowedGrowth = 64.0 * 1024 * 1024;

ModelSpec Spec() {
  ModelSpec spec;
  spec.input = {.shape = {kInputBytes}, .dtype = DType::kUint8};
  spec.labels = {"no", "yes"};
  spec.training = {.epochs = 1, .batch_size = 256, .seed = 7};
  spec.sisa = {.shards = kShards, .slices = 4};
  return spec;
}

std::string NameOf(int subject) { return absl::StrCat("subject ", subject); }

double ResidentBytes() {
  malloc_trim(0);  // what was freed is not held
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void Ingest(Engine& engine, ModelEntry& model) {
  constexpr int kBatch = 1000;
  const std::string input(kInputBytes, 'x');
  for (int first = 0; first < kSubjects; first += kBatch) {
    std::vector<std::string> names;
    for (int i = 0; i < kBatch; ++i) names.push_back(NameOf(first + i));
    std::vector<NewSample> samples;
    for (const std::string& name : names) {
      samples.push_back({.subject_id = name, .sample_id = "only", .label = 0, .input = input});
    }
    CheckOk(engine.ingestor().Ingest(model, samples, /*new_consent=*/false).status());
  }
  CheckOk(engine.ingestor().Commit());
}

void ForgetMany(Engine& engine) {
  std::atomic<int> next = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      for (int subject = next++; subject < kErasures; subject = next++) {
        ForgetRequest request;
        for (int byte = 0; byte < 4; ++byte) request.request_id[byte] = static_cast<uint8_t>(subject >> (8 * byte));
        request.subject_id = NameOf(subject);
        CheckOk(engine.unlearner().Forget(request).status());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

void BM_HundredThousandOpenErasures(benchmark::State& state) {
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  const TempDir directory;
  const HashTrainer hash;
  ControlledTrainer trainer(&hash);
  const Engine::Options options = {.data_dir = directory / "data", .retrain = {.workers = 2}, .recovery_threads = 2};
  for (auto _ : state) {
    auto engine = ValueOf(Engine::Open(options, &trainer, &SystemClock()));
    CheckOk(engine->Recover());
    auto model = ValueOf(engine->catalog().Create("m", Spec()));
    Ingest(*engine, *model);
    CheckOk(engine->unlearner().Train(*model));
    if (!WaitUntil(
            *engine, *model, [&] { return IsIdle(*engine, *model); }, absl::Minutes(5)))
      std::abort();

    trainer.SetHold(ControlledTrainer::Hold::kObedient);
    const double before = ResidentBytes();
    state.counters["forget_seconds"] = SecondsOf([&] { ForgetMany(*engine); });
    const double growth = ResidentBytes() - before;
    const auto counts = engine->ledger().CountsByState();
    if (counts[records::Erasure::IN_PROGRESS] != kErasures) std::abort();
    state.counters["rss_growth_mib"] = growth / (1024 * 1024);
    ReportRatio("overload_rss_growth_vs_64_mib", growth / kAllowedGrowth);

    model.reset();
    engine.reset();
    const double restart = SecondsOf([&] {
      engine = ValueOf(Engine::Open(options, &trainer, &SystemClock()));
      CheckOk(engine->Recover());
    });
    state.counters["restart_seconds"] = restart;
    ReportRatio("overload_restart_seconds", restart);

    const int trainings = trainer.trainings();
    trainer.SetHold(ControlledTrainer::Hold::kNone);
    model = ValueOf(engine->catalog().Find("m"));
    state.counters["drain_seconds"] = SecondsOf([&] {
      if (!WaitUntil(
              *engine, *model, [&] { return IsIdle(*engine, *model); }, absl::Minutes(15)))
        std::abort();
    });
    if (engine->ledger().CountsByState()[records::Erasure::COMPLETED] != kErasures) std::abort();
    state.counters["slice_retrains"] = trainer.trainings() - trainings;
    ReportRatio("overload_retrains_per_erasure", static_cast<double>(trainer.trainings() - trainings) / kErasures);
  }
}

BENCHMARK(BM_HundredThousandOpenErasures)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace expunge
