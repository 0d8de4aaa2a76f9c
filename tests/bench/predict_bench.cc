// How fast Predict answers, beside what the same messages cost in gRPC alone, and beside LibTorch without a server; and
// what it notices of training and of erasures that go on meanwhile. `expunged` and the echo server are processes of
// their own with their defaults; this process is the client of both. All sides in turns, on the same cores.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/uuid.h"
#include "expunge/v1/prediction_service.pb.h"
#include "tests/bench/bare_ensemble.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"
#include "tests/bench/predict_rig.h"

namespace expunge {
namespace {

constexpr char kModel[] = "m";
constexpr int64_t kSamples = 60'000;
constexpr int kRounds = 5;
constexpr absl::Duration kWarmUp = absl::Milliseconds(500);
constexpr absl::Duration kWindow = absl::Milliseconds(1500);  // of one side in a round

double Seconds(const LoadReport& report, double percent) {
  return absl::ToDoubleSeconds(report.latency.Percentile(percent));
}

// 64 callers of the client library, as product services are: each makes its request, waits for the reply and reads it.
class Callers {
 public:
  explicit Callers(const Load& predict) : requests_(predict.requests.size()) {
    for (size_t i = 0; i < requests_.size(); ++i) requests_[i].ParseFromString(predict.requests[i]);
  }

  double CallsPerSecondTo(Client& client) const {
    return CallsPerSecond(/*callers=*/64, kCalls, [&](int64_t i) {
      CheckOk(client.Predict(requests_[static_cast<size_t>(i) % requests_.size()]).status());
    });
  }

 private:
  static constexpr int64_t kCalls = 20'000;  // of one side in a round

  std::vector<v1::PredictRequest> requests_;
};

// Latencies are measured at half of the most that these callers get.
double HalfOfTheMaximum(PredictRig& rig, const Load& predict) {
  const Callers callers(predict);
  callers.CallsPerSecondTo(rig.client());
  return callers.CallsPerSecondTo(rig.client()) / 2;
}

LoadReport MeasureLatency(const Load& load, double rate) {
  RunAtRate(load, rate, kWarmUp);
  return RunAtRate(load, rate, kWindow);
}

// One image a request, 64 requests in flight.
void MeasureCallers(benchmark::State& state, const std::string& ratio_name, int shards) {
  PredictRig rig;
  rig.AddModel(kModel, shards, kSamples);
  const Load predict = rig.PredictLoad(kModel, /*images_per_request=*/1);
  const Callers callers(predict);
  Client echo({.address = rig.EchoLoad(predict).address});
  callers.CallsPerSecondTo(echo);
  callers.CallsPerSecondTo(rig.client());
  Series predicts, echoes, ratio;
  for (auto _ : state) {
    echoes.Add(callers.CallsPerSecondTo(echo));
    predicts.Add(callers.CallsPerSecondTo(rig.client()));
    ratio.Add(predicts.Last() / echoes.Last());
    state.SetIterationTime(1 / predicts.Last());
  }
  state.counters["predicts_per_second"] = predicts.Median();
  state.counters["echoes_per_second"] = echoes.Median();
  ReportRatio(ratio_name, ratio.Median());
}

void BM_Predict8(benchmark::State& state) { MeasureCallers(state, "predict_vs_echo_8", /*shards=*/8); }
void BM_Predict32(benchmark::State& state) { MeasureCallers(state, "predict_vs_echo_32", /*shards=*/32); }

// The same with bytes that are prepared, sent by a load generator that looks at no reply: that costs it, and with it
// the echo, half as much.
void MeasureThroughput(benchmark::State& state, const std::string& ratio_name, int shards) {
  PredictRig rig;
  rig.AddModel(kModel, shards, kSamples);
  const Load predict = rig.PredictLoad(kModel, /*images_per_request=*/1);
  const Load echo = rig.EchoLoad(predict);
  RunAtFullSpeed(echo, kWarmUp);
  RunAtFullSpeed(predict, kWarmUp);
  Series predicts, echoes, ratio;
  for (auto _ : state) {
    const LoadReport echo_report = RunAtFullSpeed(echo, kWindow);
    const LoadReport report = RunAtFullSpeed(predict, kWindow);
    if (report.reply_bytes / report.answered != echo_report.reply_bytes / echo_report.answered) {
      CheckOk(absl::InternalError("the replies differ in size from the echo server's"));
    }
    echoes.Add(echo_report.AnsweredPerSecond());
    predicts.Add(report.AnsweredPerSecond());
    ratio.Add(predicts.Last() / echoes.Last());
    state.SetIterationTime(absl::ToDoubleSeconds(report.elapsed));
  }
  state.counters["predicts_per_second"] = predicts.Median();
  state.counters["echoes_per_second"] = echoes.Median();
  ReportRatio(ratio_name, ratio.Median());
}

void BM_Predict8Prepared(benchmark::State& state) {
  MeasureThroughput(state, "predict_vs_echo_8_prepared", /*shards=*/8);
}
void BM_Predict32Prepared(benchmark::State& state) {
  MeasureThroughput(state, "predict_vs_echo_32_prepared", /*shards=*/32);
}

// Images a second through the server, beside the same computation in as many threads as the server has.
void BM_PredictBatch64(benchmark::State& state) {
  constexpr int kShards = 8;
  constexpr int64_t kBatch = 64;
  PredictRig rig;
  rig.AddModel(kModel, kShards, kSamples);
  const Load predict = rig.PredictLoad(kModel, kBatch);
  std::vector<std::vector<uint8_t>> batches;
  for (const std::string& serialized : predict.requests) {
    v1::PredictRequest request;
    request.ParseFromString(serialized);
    batches.emplace_back(request.inputs().data().begin(), request.inputs().data().end());
  }
  const BareEnsemble ensemble = {.constituents = kShards,
                                 .inputs = kImageBytes,
                                 .hidden = kHidden,
                                 .classes = kClasses,
                                 .mean = kMean,
                                 .stddev = kStddev};
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  BareImagesPerSecond(ensemble, batches, kBatch, cores, kWarmUp);
  RunAtFullSpeed(predict, kWarmUp);
  Series images, bare, ratio;
  for (auto _ : state) {
    bare.Add(BareImagesPerSecond(ensemble, batches, kBatch, cores, kWindow));
    const LoadReport report = RunAtFullSpeed(predict, kWindow);
    images.Add(report.AnsweredPerSecond() * kBatch);
    ratio.Add(images.Last() / bare.Last());
    state.SetIterationTime(absl::ToDoubleSeconds(report.elapsed));
  }
  state.counters["images_per_second"] = images.Median();
  state.counters["bare_images_per_second"] = bare.Median();
  ReportRatio("predict_batch64_vs_bare", ratio.Median());
}

// Both at half of the server's maximum, one image a request, requests due at their times.
void BM_PredictLatency(benchmark::State& state) {
  PredictRig rig;
  rig.AddModel(kModel, /*shards=*/8, kSamples);
  const Load predict = rig.PredictLoad(kModel, /*images_per_request=*/1);
  const Load echo = rig.EchoLoad(predict);
  const double rate = HalfOfTheMaximum(rig, predict);
  Series p50, p99, echo_p50, echo_p99;
  for (auto _ : state) {
    const LoadReport echo_report = MeasureLatency(echo, rate);
    const LoadReport report = MeasureLatency(predict, rate);
    echo_p50.Add(Seconds(echo_report, 50));
    echo_p99.Add(Seconds(echo_report, 99));
    p50.Add(Seconds(report, 50));
    p99.Add(Seconds(report, 99));
    state.SetIterationTime(absl::ToDoubleSeconds(report.elapsed));
  }
  state.counters["rate"] = rate;
  state.counters["p50_us"] = 1e6 * p50.Median();
  state.counters["p99_us"] = 1e6 * p99.Median();
  state.counters["echo_p50_us"] = 1e6 * echo_p50.Median();
  state.counters["echo_p99_us"] = 1e6 * echo_p99.Median();
  ReportRatio("predict_p50_vs_echo", p50.Median() / echo_p50.Median());
  ReportRatio("predict_p99_vs_echo", p99.Median() / echo_p99.Median());
}

// While `work` goes on, beside while nothing does, as medians of the rounds; the server at half of its maximum.
struct Disturbance {
  double rate = 0;
  Series idle, disturbed;  // p99, in seconds

  void Report(benchmark::State& state, const std::string& ratio) const {
    state.counters["rate"] = rate;
    state.counters["idle_p99_us"] = 1e6 * idle.Median();
    state.counters["disturbed_p99_us"] = 1e6 * disturbed.Median();
    ReportRatio(ratio, disturbed.Median() / idle.Median());
  }
};

// A worker that has work either computes or waits for a processor, but for moments at the disk.
void CheckWorkersWereBusy(const std::vector<absl::Duration>& before, const std::vector<absl::Duration>& after,
                          absl::Duration elapsed) {
  if (before.size() != after.size() || before.empty()) CheckOk(absl::InternalError("there are no retrain workers"));
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] - before[i] >= 0.95 * elapsed) continue;
    CheckOk(
        absl::InternalError(absl::StrCat("a retrain worker was busy for ", absl::FormatDuration(after[i] - before[i]),
                                         " of ", absl::FormatDuration(elapsed), " alone")));
  }
}

// Another model trains on every worker for the whole window.
void BM_PredictRetraining(benchmark::State& state) {
  constexpr char kOther[] = "other";
  PredictRig rig;
  rig.AddModel(kModel, /*shards=*/8, kSamples);
  const Load predict = rig.PredictLoad(kModel, /*images_per_request=*/1);
  Disturbance p99 = {.rate = HalfOfTheMaximum(rig, predict)};
  for (auto _ : state) {
    p99.idle.Add(Seconds(MeasureLatency(predict, p99.rate), 99));
    rig.AddModel(kOther, /*shards=*/8, /*samples=*/16'000, PredictRig::kEndlessEpochs);
    RunAtRate(predict, p99.rate, kWarmUp);
    const std::vector<absl::Duration> before = rig.WorkersBusy();
    const LoadReport report = RunAtRate(predict, p99.rate, kWindow);
    CheckWorkersWereBusy(before, rig.WorkersBusy(), report.elapsed);
    rig.DeleteModel(kOther);
    p99.disturbed.Add(Seconds(report, 99));
    state.SetIterationTime(absl::ToDoubleSeconds(report.elapsed));
  }
  p99.Report(state, "predict_p99_retraining_vs_idle");
}

// Likely leavers, each forgotten once, over the rounds.
Load ForgetLoad(const Load& predict, int64_t first, int64_t count) {
  Load load;
  load.address = predict.address;
  load.method = kForgetMethod;
  for (int64_t i = first; i < first + count; ++i) {
    v1::ForgetRequest request;
    request.set_request_id(RandomUuid());
    request.set_subject_id(SubjectName(2 * i + 1));
    request.set_regulation(v1::GDPR);
    load.requests.push_back(request.SerializeAsString());
  }
  return load;
}

// A Forget every 10 ms, of subjects in the later slices: a constituent is withdrawn and soon votes again with what it
// learned from the earlier ones. No Predict may fail.
void MeasureForgetStorm(benchmark::State& state, const std::string& ratio, absl::Duration window) {
  constexpr double kForgetsPerSecond = 100;
  const auto forgets = static_cast<int64_t>(kForgetsPerSecond * absl::ToDoubleSeconds(window));
  PredictRig rig;
  rig.AddModel(kModel, /*shards=*/8, kSamples);
  const Load predict = rig.PredictLoad(kModel, /*images_per_request=*/1);
  Disturbance p99 = {.rate = HalfOfTheMaximum(rig, predict)};
  Series forget_p99;
  int64_t forgotten = 0;
  for (auto _ : state) {
    rig.WaitUntilReady(kModel);
    RunAtRate(predict, p99.rate, kWarmUp);
    p99.idle.Add(Seconds(RunAtRate(predict, p99.rate, window), 99));
    LoadReport forget_report;
    std::thread storm([&, load = ForgetLoad(predict, forgotten, forgets)] {
      forget_report = RunAtRate(load, kForgetsPerSecond, window);
    });
    const LoadReport report = RunAtRate(predict, p99.rate, window);
    storm.join();
    forgotten += forgets;
    forget_p99.Add(Seconds(forget_report, 99));
    p99.disturbed.Add(Seconds(report, 99));
    state.SetIterationTime(absl::ToDoubleSeconds(report.elapsed));
  }
  state.counters["forget_p99_us"] = 1e6 * forget_p99.Median();
  p99.Report(state, ratio);
}

void BM_PredictForgetStorm(benchmark::State& state) {
  MeasureForgetStorm(state, "predict_p99_forget_storm_vs_idle", absl::Seconds(3));
}
void BM_PredictForgetStormLong(benchmark::State& state) {
  MeasureForgetStorm(state, "predict_p99_forget_storm_30s_vs_idle", absl::Seconds(30));
}

BENCHMARK(BM_Predict8)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Predict32)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Predict8Prepared)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Predict32Prepared)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PredictBatch64)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PredictLatency)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PredictRetraining)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PredictForgetStorm)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_PredictForgetStormLong)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
