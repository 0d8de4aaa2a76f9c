#include "metrics/engine_metrics.h"

#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "prometheus/text_serializer.h"
#include "tests/testing/engine_fixture.h"
#include "tests/testing/hard_link.h"
#include "tests/testing/metrics_page.h"

namespace expunge {
namespace {

using testing::HasSubstr;
using testing::Not;

class EngineMetricsTest : public EngineTest {
 protected:
  void OpenTrained(int max_attempts = 8) {
    options_.retrain.max_attempts = max_attempts;
    OpenWithoutRecovery();
    ASSERT_THAT(engine_->unlearner().Recover(1), IsOk());  // nothing is reclaimed but by ReclaimNow
    model_ = CreateModel("m", SmallSpec(2, 2));
    IngestSubjects(*model_, 1, 16);
    TrainAll(*model_);
  }

  std::string Text() const {
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, EngineMetrics(engine_.get(), &clock_).Collect());
    return text.str();
  }
  MetricsPage Page() const { return MetricsPage(Text()); }

  records::Erasure ForgetUnder(Regulation regulation, int subject) {
    ForgetRequest request = RequestFor(subject);
    request.regulation = regulation;
    const auto result = engine_->unlearner().Forget(request);
    EXPECT_THAT(result, IsOk());
    return result->erasure;
  }

  // Until so many erasures are in this state, and so the rest of the page knows of them.
  bool WaitForErasures(const std::string& state, int count) {
    const std::string sample = "expunge_erasures_by_state{state=\"" + state + "\"}";
    return WaitUntil(*engine_, *model_, [&] { return Page()[sample] == count; });
  }
  bool WaitForPurge(const records::Erasure& erasure) {
    return WaitUntil(*engine_, *model_, [&] { return Stored(erasure).purged_time_micros() != 0; });
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(EngineMetricsTest, AnIdleEngineHasEveryMetricAndTheyFollowTheNamingGuide) {
  Open();
  const MetricsPage page = Page();
  const std::map<std::string, std::string> expected = {
      {"expunge_erasures_by_state", "gauge"},
      {"expunge_erasures_open", "gauge"},
      {"expunge_erasures_overdue", "gauge"},
      {"expunge_oldest_open_erasure_age_seconds", "gauge"},
      {"expunge_shards_dirty", "gauge"},
      {"expunge_log_size", "gauge"},
      {"expunge_log_unsigned", "gauge"},
      {"expunge_purge_failing", "gauge"},
      {"expunge_erasures_received_total", "counter"},
      {"expunge_erasures_total", "counter"},
      {"expunge_isolation_seconds", "histogram"},
      {"expunge_delete_persistence_seconds", "histogram"},
      {"expunge_delete_persistence_threshold_seconds", "gauge"},
      {"expunge_delete_persistence_missed_total", "counter"},
      {"expunge_oldest_unreclaimed_erasure_age_seconds", "gauge"},
      {"expunge_retrain_attempts_failed_total", "counter"},
  };
  EXPECT_EQ(page.types(), expected);
  for (const auto& [family, type] : page.types()) {
    EXPECT_EQ(type == "counter", absl::EndsWith(family, "_total")) << family;
    EXPECT_THAT(family, Not(testing::ContainsRegex("_(ms|millis|micros|hours|bytes_mib)"))) << "base units alone";
  }
  for (const auto& [sample, value] : page.samples()) {
    EXPECT_EQ(value, sample == "expunge_delete_persistence_threshold_seconds" ? 24 * 3600 : 0) << sample;
  }
}

TEST_F(EngineMetricsTest, APurgeThatFailsIsShownUntilItSucceeds) {
  OpenTrained();
  ASSERT_THAT(engine_->keyring().Purge(), IsOk());
  const std::string link = dir_ / "link";
  ASSERT_TRUE(HardLinkATable(options_.data_dir + "/keyring", link));
  EXPECT_EQ(Page()["expunge_purge_failing"], 0);
  Forget(1);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [this] { return Page()["expunge_purge_failing"] == 1; }));
  std::filesystem::remove(link);
  EXPECT_TRUE(WaitUntil(*engine_, *model_, [this] { return Page()["expunge_purge_failing"] == 0; }));
}

TEST_F(EngineMetricsTest, AnErasureIsCountedAndTimedFromForgetToTheLastByte) {
  options_.reclaim.delete_persistence_threshold = absl::Hours(2);
  OpenTrained();
  ForgetUnder(Regulation::kGdpr, 1);
  ASSERT_TRUE(WaitForErasures("completed", 1));
  clock_.Advance(absl::Minutes(30));
  const MetricsPage completed = Page();
  EXPECT_EQ(completed["expunge_erasures_received_total{regulation=\"gdpr\"}"], 1);
  EXPECT_EQ(completed["expunge_erasures_received_total{regulation=\"ccpa\"}"], 0);
  EXPECT_EQ(completed["expunge_erasures_total{regulation=\"gdpr\",outcome=\"completed\"}"], 1);
  EXPECT_EQ(completed["expunge_erasures_total{regulation=\"gdpr\",outcome=\"failed\"}"], 0);
  EXPECT_EQ(completed["expunge_erasures_open"], 0);
  EXPECT_EQ(completed["expunge_isolation_seconds_count"], 1);
  EXPECT_EQ(completed["expunge_isolation_seconds_bucket{le=\"0.0005\"}"], 1) << "the clock stood still";
  EXPECT_EQ(completed["expunge_isolation_seconds_bucket{le=\"+Inf\"}"], 1);
  EXPECT_EQ(completed["expunge_delete_persistence_seconds_count{milestone=\"purged\"}"], 1);
  EXPECT_EQ(completed["expunge_delete_persistence_seconds_count{milestone=\"reclaimed\"}"], 0);
  EXPECT_EQ(completed["expunge_oldest_unreclaimed_erasure_age_seconds"], 1800);

  ASSERT_EQ(engine_->reclaimer().ReclaimNow().value(), 1);
  const MetricsPage reclaimed = Page();
  EXPECT_EQ(reclaimed["expunge_delete_persistence_seconds_count{milestone=\"reclaimed\"}"], 1);
  EXPECT_EQ(reclaimed["expunge_delete_persistence_seconds_sum{milestone=\"reclaimed\"}"], 1800);
  EXPECT_EQ(reclaimed["expunge_delete_persistence_seconds_bucket{milestone=\"reclaimed\",le=\"300\"}"], 0);
  EXPECT_EQ(reclaimed["expunge_delete_persistence_seconds_bucket{milestone=\"reclaimed\",le=\"1800\"}"], 1);
  EXPECT_EQ(reclaimed["expunge_oldest_unreclaimed_erasure_age_seconds"], 0);
  EXPECT_EQ(reclaimed["expunge_delete_persistence_threshold_seconds"], 7200);
  EXPECT_EQ(reclaimed["expunge_delete_persistence_missed_total"], 0);
}

TEST_F(EngineMetricsTest, WhatIsReclaimedTooLateMissedTheBound) {
  options_.reclaim.delete_persistence_threshold = absl::Hours(2);
  OpenTrained();
  const records::Erasure late = Forget(1);
  ASSERT_TRUE(WaitForPurge(late));
  clock_.Advance(absl::Hours(2));
  const records::Erasure in_time = Forget(2);
  ASSERT_TRUE(WaitForPurge(in_time));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Page()["expunge_oldest_unreclaimed_erasure_age_seconds"], 7201) << "the miss shows before it is over";
  EXPECT_EQ(Page()["expunge_delete_persistence_missed_total"], 0);
  ASSERT_EQ(engine_->reclaimer().ReclaimNow().value(), 2);
  const MetricsPage page = Page();
  EXPECT_EQ(page["expunge_delete_persistence_missed_total"], 1);
  EXPECT_EQ(page["expunge_delete_persistence_seconds_count{milestone=\"reclaimed\"}"], 2);
  ASSERT_EQ(engine_->reclaimer().ReclaimNow().value(), 0);
  EXPECT_EQ(Page()["expunge_delete_persistence_missed_total"], 1);
}

TEST_F(EngineMetricsTest, AFailedErasureShowsAndGoesWhenItsRetrySucceeds) {
  OpenTrained(/*max_attempts=*/1);
  trainer_.FailWith(absl::InternalError("the loss is not finite"));
  const records::Erasure erasure = ForgetUnder(Regulation::kCcpa, 1);
  ASSERT_TRUE(WaitForErasures("failed", 1));
  const MetricsPage failed = Page();
  EXPECT_EQ(failed["expunge_erasures_open"], 1);
  EXPECT_EQ(failed["expunge_erasures_total{regulation=\"ccpa\",outcome=\"failed\"}"], 1);
  EXPECT_EQ(failed["expunge_retrain_attempts_failed_total"], 1);

  trainer_.FailWith(absl::OkStatus());
  ASSERT_THAT(engine_->unlearner().Retry(erasure.uuid()), IsOk());
  ASSERT_TRUE(WaitForErasures("completed", 1));
  const MetricsPage completed = Page();
  EXPECT_EQ(completed["expunge_erasures_by_state{state=\"failed\"}"], 0);
  EXPECT_EQ(completed["expunge_erasures_open"], 0);
  EXPECT_EQ(completed["expunge_erasures_total{regulation=\"ccpa\",outcome=\"failed\"}"], 1) << "a counter stays";
  EXPECT_EQ(completed["expunge_erasures_total{regulation=\"ccpa\",outcome=\"completed\"}"], 1);
}

TEST_F(EngineMetricsTest, AnErasureIsOverdueFromItsDueTimeUntilItIsDone) {
  OpenTrained();
  trainer_.SetHold(Hold::kObedient);
  ForgetUnder(Regulation::kCcpa, 1);
  trainer_.WaitUntilHeld();
  clock_.Advance(absl::Hours(24) * 45);
  EXPECT_EQ(Page()["expunge_erasures_overdue"], 0) << "due now";
  EXPECT_EQ(Page()["expunge_oldest_open_erasure_age_seconds"], 45 * 24 * 3600);
  EXPECT_EQ(Page()["expunge_shards_dirty"], 1);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Page()["expunge_erasures_overdue"], 1);
  const auto report = engine_->auditor().Report();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->overdue, 1);
  trainer_.SetHold(Hold::kNone);
  ASSERT_TRUE(WaitForErasures("completed", 1));
  EXPECT_EQ(Page()["expunge_erasures_overdue"], 0);
  EXPECT_EQ(Page()["expunge_oldest_open_erasure_age_seconds"], 0);
}

TEST_F(EngineMetricsTest, ARestartKeepsTheGaugesAndBeginsTheCountersAnew) {
  OpenTrained(/*max_attempts=*/1);
  trainer_.FailWith(absl::InternalError("no luck"));
  Forget(1);
  ASSERT_TRUE(WaitForErasures("failed", 1));
  Close();
  OpenWithoutRecovery();
  const MetricsPage page = Page();
  EXPECT_EQ(page["expunge_erasures_by_state{state=\"failed\"}"], 1);
  EXPECT_EQ(page["expunge_erasures_open"], 1);
  EXPECT_EQ(page["expunge_erasures_total{regulation=\"other\",outcome=\"failed\"}"], 0);
  EXPECT_EQ(page["expunge_erasures_received_total{regulation=\"other\"}"], 0);
}

TEST_F(EngineMetricsTest, NobodysNameIsOnThePage) {
  Open();
  model_ = CreateModel("canary-model", SmallSpec(1, 1));
  IngestSubjects(*model_, 1, 4);
  TrainAll(*model_);
  ForgetRequest request = RequestFor(1);
  request.models = {"canary-model"};
  ASSERT_THAT(engine_->unlearner().Forget(request), IsOk());
  ASSERT_TRUE(WaitForErasures("completed", 1));
  const std::string text = Text();
  for (const char* name : {"canary", "subject 1", "sample 1", "subject=", "model"}) {
    EXPECT_THAT(text, Not(HasSubstr(name)));
  }
}

}  // namespace
}  // namespace expunge
