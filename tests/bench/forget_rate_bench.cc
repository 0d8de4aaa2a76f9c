// How many Forgets are acknowledged in a second when 64 callers wait for theirs, through the client, gRPC and the disk,
// beside an echo server that has the same callers and messages. In turns, on a trained model, while the purges and
// retrains that the forgets cause go on as they do in production.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "learning/torch_trainer.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"
#include "tests/bench/echo_server.h"

namespace expunge {
namespace {

constexpr int kCallers = 64;
constexpr int64_t kInputBytes = 64;
constexpr int64_t kSamples = 500'000;  // ten to a subject
constexpr int64_t kForgets = 2'000;    // of a round
constexpr int64_t kEchoes = 8'000;
constexpr int kRounds = 9;

// Returns the median of the rounds' ratios to the echo's rate.
double MeasureForgetRate(benchmark::State& state, absl::Duration retrain_delay) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  BenchServer server(trainer.get(), retrain_delay);
  Create(server.client(), CheapModel("m", kInputBytes, /*shards=*/8));
  Ingest(server.client(), "m", RandomBatches(kSamples, kInputBytes));
  TrainAndWait(server.client(), "m");

  int64_t next_subject = 0;
  EchoServer echo(Forget(server.client(), SubjectName(next_subject++)));
  Series forgets, echoes, ratio;
  const auto run_round = [&] {
    echoes.Add(CallsPerSecond(kCallers, kEchoes, [&](int64_t i) { Forget(echo.client(), SubjectName(i)); }));
    forgets.Add(
        CallsPerSecond(kCallers, kForgets, [&](int64_t i) { Forget(server.client(), SubjectName(next_subject + i)); }));
    next_subject += kForgets;
  };
  run_round();
  forgets = echoes = {};
  for (auto _ : state) {
    run_round();
    ratio.Add(forgets.Last() / echoes.Last());
    state.SetIterationTime(kForgets / forgets.Last());
  }
  state.counters["forgets_per_second"] = forgets.Median();
  state.counters["echoes_per_second"] = echoes.Median();
  return ratio.Median();
}

void BM_ForgetRate(benchmark::State& state) {
  ReportRatio("forget_rate_vs_echo", MeasureForgetRate(state, /*retrain_delay=*/absl::Seconds(1)));
}

// What is left when no retrain competes for processor and disk. Purges still do.
void BM_ForgetRateWithoutRetrains(benchmark::State& state) {
  ReportRatio("forget_rate_vs_echo_without_retrains", MeasureForgetRate(state, /*retrain_delay=*/absl::Hours(24)));
}

BENCHMARK(BM_ForgetRate)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ForgetRateWithoutRetrains)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
