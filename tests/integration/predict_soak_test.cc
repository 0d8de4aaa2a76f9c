// Predict at a steady rate, while one person after the other is forgotten and others come: no Predict fails, and what
// the server has in memory does not grow with the time.
//
// EXPUNGE_SOAK_SECONDS (10) makes it longer. Memory is judged from kShortestJudged on: before that, a server still
// fills its caches.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/load_generator.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

constexpr char kModel[] = "m";
constexpr int kPeople = 400;  // at any time
constexpr int kSamplesEach = 5;
constexpr int kPeopleBetweenTrainings = 10;
constexpr double kRate = 200;  // Predicts a second
constexpr absl::Duration kShortestJudged = absl::Minutes(3);
constexpr absl::Duration kProgressEvery = absl::Minutes(1);

absl::Duration SoakTime() {
  const char* const text = std::getenv("EXPUNGE_SOAK_SECONDS");
  int seconds = 10;
  if (text != nullptr && (!absl::SimpleAtoi(text, &seconds) || seconds < 1)) {
    ADD_FAILURE() << "EXPUNGE_SOAK_SECONDS must be a whole number of at least 1";
  }
  return absl::Seconds(seconds);
}

struct MemorySample {
  absl::Duration at;  // since the start
  double mib;
};

double MedianBetween(const std::vector<MemorySample>& samples, absl::Duration from, absl::Duration to) {
  std::vector<double> values;
  for (const MemorySample& sample : samples) {
    if (sample.at >= from && sample.at < to) values.push_back(sample.mib);
  }
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

class PredictSoakTest : public IntegrationTest {
 protected:
  PredictSoakTest() : IntegrationTest({"--workers", "2", "--predict-threads", "2"}) {}

  double ServerMiB() const {
    std::ifstream status(absl::StrCat("/proc/", server_.pid(), "/status"));
    for (std::string word; status >> word;) {
      double kilobytes = 0;
      if (word == "VmRSS:" && status >> kilobytes) return kilobytes / 1024;
    }
    ADD_FAILURE() << "the server has ended";
    return 0;
  }

  // The one who has been there longest goes, and is gone for good; another one comes. What waits for a training is
  // trained now and then.
  void ReplaceOnePerson() {
    const auto erasure = client().Forget(ForgetOf(PersonName(replaced_)));
    ASSERT_THAT(erasure, IsOk());
    const auto end = WaitUntilFinal(client(), erasure->name());
    ASSERT_THAT(end, IsOk());
    ASSERT_EQ(end->state(), v1::Erasure::COMPLETED);
    ASSERT_THAT(Ingest(client(), kModel, {StripesBatch(kPeople + replaced_, 1, kSamplesEach)}), IsOk());
    if (++replaced_ % kPeopleBetweenTrainings != 0) return;
    ASSERT_THAT(TrainAndWait(client(), kModel), IsOk());
    ++trainings_;
  }

  Load PredictLoad(absl::Duration duration) const {
    Load load;
    load.address = server_.address();
    load.method = kPredictMethod;
    for (int i = 0; i < 100; ++i) load.requests.push_back(StripesInputs(kModel, i, 1).SerializeAsString());
    load.connections = 4;
    load.rate = kRate;
    load.concurrency = 1000;
    load.duration = duration;
    return load;
  }

  int replaced_ = 0;
  int trainings_ = 0;
};

TEST_F(PredictSoakTest, NoPredictFailsAndTheServersMemoryStays) {
  const absl::Duration duration = SoakTime();
  ASSERT_THAT(Create(client(), StripesModel(kModel, 8, 4)), IsOk());
  ASSERT_THAT(Ingest(client(), kModel, {StripesBatch(0, kPeople, kSamplesEach)}), IsOk());
  ASSERT_THAT(TrainAndWait(client(), kModel), IsOk());

  absl::StatusOr<LoadReport> report;
  std::thread predicting([&, load = PredictLoad(duration)] { report = GenerateLoad(load); });
  const absl::Time start = absl::Now();
  std::vector<MemorySample> memory;
  absl::Duration told;
  while (absl::Now() - start < duration && !HasFatalFailure()) {
    ReplaceOnePerson();
    memory.push_back({absl::Now() - start, ServerMiB()});
    if (memory.back().at - told < kProgressEvery) continue;
    told = memory.back().at;
    std::cout << absl::StrFormat("%s: %.0f MiB, %d people forgotten\n",
                                 absl::FormatDuration(absl::Trunc(told, absl::Seconds(1))), memory.back().mib,
                                 replaced_)
              << std::flush;
  }
  predicting.join();
  ASSERT_THAT(report, IsOk());
  for (const auto& [error, count] : report->errors) {
    ADD_FAILURE() << count << " Predicts failed: " << absl::StatusCodeToString(error.first) << " (" << error.second
                  << ")";
  }

  // The first fifth is warm-up, while the caches fill; of the rest, the last third beside the first one.
  const absl::Duration warm = duration / 5, third = (duration - warm) / 3;
  const double early = MedianBetween(memory, warm, warm + third);
  const double late = MedianBetween(memory, duration - third, absl::InfiniteDuration());
  std::cout << absl::StrFormat(
      "%d Predicts answered, %d failed; p50 %s, p99 %s, max %s\n"
      "%d people forgotten and as many new ones ingested, %d trainings\n"
      "the server's memory: %.0f MiB in the first third after the warm-up, %.0f MiB in the last (medians)\n",
      report->answered, report->failed, absl::FormatDuration(report->latency.Percentile(50)),
      absl::FormatDuration(report->latency.Percentile(99)), absl::FormatDuration(report->latency.max()), replaced_,
      trainings_, early, late);
  EXPECT_GT(trainings_, 0);
  if (duration >= kShortestJudged) {
    EXPECT_LE(late, 1.05 * early + 16) << "MiB: the server's memory grows";
  }
  EXPECT_THAT(ReplayAll(client(), kModel), IsOk());
}

}  // namespace
}  // namespace expunge
