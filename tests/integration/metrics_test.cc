// The page of metrics of the real server: what it shows, whom it does not name, and how it begins and ends.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"
#include "tests/testing/http_get.h"
#include "tests/testing/metrics_page.h"

namespace expunge {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kModel[] = "canary-model-of-ada";
constexpr char kSubject[] = "Canary-Subject-Ada";
constexpr char kSample[] = "Canary-Sample-Of-Ada";

// Two samples of each subject.
v1::SampleBatch Canaries(int subjects) {
  v1::SampleBatch batch = StripesBatch(0, subjects, 2);
  for (int i = 0; i < batch.samples_size(); ++i) {
    batch.mutable_samples(i)->set_subject_id(absl::StrCat(kSubject, i / 2));
    batch.mutable_samples(i)->set_sample_id(absl::StrCat(kSample, i));
  }
  return batch;
}

// Its main store lies on a disk that a test can fill, so that a retrain fails, and the keyring with its record does
// not.
class MetricsTest : public IntegrationTest {
 protected:
  MetricsTest() : IntegrationTest({"--metrics-listen", "127.0.0.1:0", "--retrain-attempts", "1"}) {}

  void SetUp() override {
    server_.options().insert(server_.options().end(), {"--metrics-port-file", port_path()});
    server_.environment() = {{"LD_PRELOAD", EXPUNGE_FULL_DISK_LIBRARY},
                             {"EXPUNGE_FULL_DISK_SWITCH", switch_},
                             {"EXPUNGE_FULL_DISK_DIRECTORY", server_.data_dir() + "/store"}};
    IntegrationTest::SetUp();
  }

  std::string port_path() const { return server_.directory() / "metrics-port"; }
  int port() const { return std::atoi(ReadWholeFile(port_path()).c_str()); }

  std::string Scrape() {
    const auto reply = HttpGet(port(), "/metrics");
    EXPECT_THAT(reply, IsOk());
    EXPECT_EQ(reply->status, 200);
    EXPECT_THAT(reply->headers, HasSubstr("Content-Type: text/plain"));
    for (const char* canary : {"canary", "Canary", "Ada"}) EXPECT_THAT(reply->body, Not(HasSubstr(canary)));
    return reply->body;
  }
  MetricsPage Page() { return MetricsPage(Scrape()); }

  // The first page on which so many erasures are in this state: a caller may know of it before the page does.
  MetricsPage PageWithErasures(const std::string& state, int count) {
    const std::string sample = absl::StrCat("expunge_erasures_by_state{state=\"", state, "\"}");
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (true) {
      const MetricsPage page = Page();
      if (page[sample] == count || absl::Now() > deadline) {
        EXPECT_EQ(page[sample], count);
        return page;
      }
    }
  }

  void MakeTrainedCanaries() {
    ASSERT_THAT(Create(client(), StripesModel(kModel, 2, 2)), IsOk());
    ASSERT_THAT(Ingest(client(), kModel, {Canaries(20)}), IsOk());
    ASSERT_THAT(TrainAndWait(client(), kModel), IsOk());
  }

  const std::string switch_ = files_.PathOf("switch");
};

TEST_F(MetricsTest, AFailedErasureShowsInMetricsAndAuditUntilARetryCarriesItOut) {
  MakeTrainedCanaries();
  EXPECT_EQ(Page()["expunge_erasures_open"], 0);
  files_.Write("switch", "full");
  v1::ForgetRequest forget = ForgetOf(absl::StrCat(kSubject, 3));
  forget.set_regulation(v1::GDPR);
  forget.add_models(absl::StrCat("models/", kModel));
  const auto erasure = client().Forget(forget);
  ASSERT_THAT(erasure, IsOk());
  ASSERT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::FAILED);

  const MetricsPage failed = PageWithErasures("failed", 1);
  EXPECT_EQ(failed["expunge_erasures_open"], 1);
  EXPECT_EQ(failed["expunge_erasures_total{regulation=\"gdpr\",outcome=\"failed\"}"], 1);
  EXPECT_EQ(failed["expunge_retrain_attempts_failed_total"], 1);
  EXPECT_EQ(failed["expunge_isolation_seconds_count"], 1);
  EXPECT_GT(failed["expunge_isolation_seconds_sum"], 0);
  EXPECT_EQ(failed["expunge_erasures_overdue"], 0);
  EXPECT_GT(failed["expunge_oldest_open_erasure_age_seconds"], 0);
  const auto audit = ExpungeJson<v1::AuditReport>({"audit"});
  EXPECT_EQ(audit.erasures_by_state().failed(), 1);
  ASSERT_EQ(audit.erasures_size(), 1);
  EXPECT_EQ(audit.erasures(0).state(), v1::Erasure::FAILED);
  EXPECT_NE(audit.erasures(0).failure(), "");

  std::remove(switch_.c_str());
  ASSERT_EQ(server_.Terminate(), 0);  // a store that could not write takes no more until it is opened again
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(Expunge({"erasure", "retry", erasure->name()}).status, 0);
  ASSERT_THAT(WaitUntilReady(client(), kModel), IsOk());
  EXPECT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
  EXPECT_EQ(ExpungeJson<v1::ReclaimResponse>({"admin", "reclaim"}).erasures_reclaimed(), 1);
  const MetricsPage completed = PageWithErasures("completed", 1);
  EXPECT_EQ(completed["expunge_erasures_by_state{state=\"failed\"}"], 0);
  EXPECT_EQ(completed["expunge_delete_persistence_seconds_count{milestone=\"reclaimed\"}"], 1);
  EXPECT_GT(completed["expunge_delete_persistence_seconds_sum{milestone=\"reclaimed\"}"], 0);
  EXPECT_EQ(completed["expunge_delete_persistence_threshold_seconds"], 24 * 3600);
  EXPECT_EQ(completed["expunge_delete_persistence_missed_total"], 0);
}

TEST_F(MetricsTest, NoCallOfAnyKindPutsANameOnThePage) {
  MakeTrainedCanaries();
  v1::PredictRequest predict = StripesInputs(kModel, 0, 1);
  ASSERT_THAT(client().Predict(predict), IsOk());
  predict.set_model("models/canary-that-is-not-there");
  EXPECT_FALSE(client().Predict(predict).ok());
  v1::ForgetRequest some = ForgetOf(absl::StrCat(kSubject, 5));
  some.add_sample_ids(absl::StrCat(kSample, 10));
  for (const v1::ForgetRequest& forget : {ForgetOf(absl::StrCat(kSubject, 4)), some, ForgetOf("Canary-Stranger")}) {
    const auto erasure = client().Forget(forget);
    ASSERT_THAT(erasure, IsOk());
    EXPECT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
  }
  const MetricsPage page = PageWithErasures("completed", 3);  // looks for the names, too
  EXPECT_EQ(page["expunge_erasures_received_total{regulation=\"other\"}"], 3);
  EXPECT_EQ(page["expunge_isolation_seconds_count"], 2) << "the stranger had nothing to be forgotten";
  EXPECT_EQ(page["expunge_delete_persistence_seconds_count{milestone=\"purged\"}"], 2);
  EXPECT_EQ(page["expunge_inference_requests_total"], 1) << "a model that is not there is no inference";
  EXPECT_EQ(page["expunge_inference_queue_seconds_count"], 1);
  for (const auto& [sample, value] : page.samples()) {
    EXPECT_TRUE(absl::StartsWith(sample, "expunge_") || absl::StartsWith(sample, "exposer_")) << sample;
  }
}

TEST_F(MetricsTest, NothingElseIsServed) {
  std::vector<std::string> paths = {"/", "/metrics/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/other"};
  // The server works in the same directory.
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::current_path())) {
    if (entry.is_regular_file()) paths.push_back(absl::StrCat("/", entry.path().filename().string()));
  }
  ASSERT_GT(paths.size(), 4);
  for (const std::string& path : paths) {
    const auto reply = HttpGet(port(), path);
    ASSERT_THAT(reply, IsOk());
    EXPECT_GE(reply->status, 400) << path;
    EXPECT_LT(reply->status, 500) << path;
  }
  for (const char* method : {"PUT", "DELETE", "POST"}) EXPECT_GE(HttpGet(port(), "/metrics", method)->status, 400);
}

TEST_F(MetricsTest, TheServerEndsInTimeWhenScrapersAreSilentAndTheirPortWithIt) {
  const int metrics_port = port();
  const Connection silent(metrics_port);
  Connection half(metrics_port);
  ASSERT_TRUE(silent.connected() && half.connected());
  ASSERT_TRUE(half.Send("GET /metrics HTTP/1.1\r\nHost: loc"));
  const absl::Time begin = absl::Now();
  EXPECT_EQ(server_.Terminate(), 0);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(15));
  EXPECT_FALSE(Connection(metrics_port).connected());
  EXPECT_THAT(server_.log(), HasSubstr("serving_metrics"));
}

TEST_F(MetricsTest, APortInUseIsAnErrorThatNamesTheOption) {
  const std::string address = absl::StrCat("127.0.0.1:", port());
  const Outcome outcome =
      RunProgram({.arguments = {kServerProgram, "--data-dir", files_.PathOf("data"), "--listen", "127.0.0.1:0",
                                "--metrics-listen", address, "--log-level", "error"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(IsOneLineOf("expunged", outcome.err));
  EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat("--metrics-listen: cannot listen on ", address)));
}

TEST(WithoutMetricsTest, NoPortIsOpenUnlessAsked) {
  ServerProcess server(kServerProgram, {"--workers", "1"});
  ASSERT_THAT(server.Start(), IsOk());
  EXPECT_THAT(server.log(), Not(HasSubstr("serving_metrics")));
}

}  // namespace
}  // namespace expunge
