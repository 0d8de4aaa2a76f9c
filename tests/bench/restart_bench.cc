// How long `expunged`, as a process of its own, takes from its start to the first answer of Predict on a data directory
// that holds a million samples.

#include <benchmark/benchmark.h>

#include <string>

#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"
#include "tests/testing/server_process.h"

namespace expunge {
namespace {

constexpr int64_t kInputBytes = 64;
constexpr int64_t kSamples = 1'000'000;
constexpr int kStarts = 3;

void PredictOnce(Client& client) {
  v1::PredictRequest request;
  request.set_model("models/m");
  request.mutable_inputs()->set_dtype(v1::UINT8);
  request.mutable_inputs()->add_shape(1);
  request.mutable_inputs()->add_shape(kInputBytes);
  request.mutable_inputs()->set_data(std::string(kInputBytes, '\0'));
  CheckOk(client.Predict(request).status());
}

void MeasureRestart(benchmark::State& state, const std::string& ratio, int samples_per_subject) {
  ServerProcess server(EXPUNGE_SERVER_PROGRAM);
  state.counters["prepare_s"] = SecondsOf([&] {
    CheckOk(server.Start());
    Create(*server.client(), CheapModel("m", kInputBytes, /*shards=*/8));
    Ingest(*server.client(), "m", RandomBatches(kSamples, kInputBytes, samples_per_subject));
    TrainAndWait(*server.client(), "m");
  });
  Series seconds;
  for (auto _ : state) {
    if (server.Terminate() != 0) CheckOk(absl::InternalError(server.log()));
    seconds.Add(SecondsOf([&] {
      CheckOk(server.Start());
      PredictOnce(*server.client());
    }));
    state.SetIterationTime(seconds.Last());
  }
  ReportRatio(ratio, seconds.Median());
}

void BM_Restart(benchmark::State& state) { MeasureRestart(state, "restart_seconds_1m", /*samples_per_subject=*/10); }

// Every sample of another subject.
void BM_RestartManySubjects(benchmark::State& state) {
  MeasureRestart(state, "restart_seconds_1m_subjects", /*samples_per_subject=*/1);
}

BENCHMARK(BM_Restart)->UseManualTime()->Iterations(kStarts)->Unit(benchmark::kSecond);
BENCHMARK(BM_RestartManySubjects)->UseManualTime()->Iterations(kStarts)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace expunge
