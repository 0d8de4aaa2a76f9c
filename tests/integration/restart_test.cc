// Ends of the server at bad moments. What was acknowledged is there afterwards, and what was owed is done.

#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;

class RestartTest : public IntegrationTest {
 protected:
  v1::Model ModelWithSlices() {
    const auto report = client().Audit({});
    EXPECT_THAT(report, IsOk());
    return report.ok() && report->models_size() == 1 ? report->models(0) : v1::Model();
  }

  // Everything that this test set in motion is done, and right.
  void ExpectAllDone(const std::string& id, int64_t samples) {
    const auto erasures = client().ListErasures({});
    ASSERT_THAT(erasures, IsOk());
    for (const v1::Erasure& erasure : erasures->erasures()) {
      EXPECT_EQ(WaitUntilFinal(client(), erasure.name())->state(), v1::Erasure::COMPLETED) << erasure.name();
    }
    const auto model = WaitUntilReady(client(), id);
    ASSERT_THAT(model, IsOk());
    EXPECT_EQ(model->samples(), samples);
    EXPECT_THAT(ReplayAll(client(), id), IsOk());
  }
};

uint32_t SlicesTrained(const v1::Model& model) {
  uint32_t slices = 0;
  for (const v1::Shard& shard : model.shards()) slices += shard.slices_trained();
  return slices;
}

// Every checkpoint of `before` is the same one in `after`: not trained again, so its cost is the same to the last
// digit.
void ExpectKept(const v1::Model& before, const v1::Model& after) {
  ASSERT_EQ(before.shards_size(), after.shards_size());
  for (int k = 0; k < before.shards_size(); ++k) {
    EXPECT_GE(after.shards(k).slices_trained(), before.shards(k).slices_trained());
    for (int r = 0; r < before.shards(k).slices_size(); ++r) {
      const v1::Shard::Slice& slice = before.shards(k).slices(r);
      if (!slice.checkpoint()) continue;
      EXPECT_TRUE(after.shards(k).slices(r).checkpoint());
      EXPECT_EQ(after.shards(k).slices(r).lineage(), slice.lineage());
      EXPECT_EQ(after.shards(k).slices(r).parameters_digest(), slice.parameters_digest());
      EXPECT_EQ(after.shards(k).slices(r).worker_seconds(), slice.worker_seconds());
    }
  }
}

class EndDuringTrainingTest : public RestartTest, public testing::WithParamInterface<int> {};

TEST_P(EndDuringTrainingTest, TrainingGoesOnFromTheLastCommittedSlice) {
  ASSERT_THAT(Create(client(), SlowStripesModel("m", 2, 8, 120)), IsOk());
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(0, 200, 5)}), IsOk());
  ASSERT_THAT(Train(client(), "m"), IsOk());
  ASSERT_THAT(WatchModelUntil(client(), "m", [](const v1::Model& model) { return SlicesTrained(model) >= 3; }), IsOk());
  const v1::Model before = ModelWithSlices();
  ASSERT_GE(SlicesTrained(before), 3);
  server_.Signal(GetParam());
  EXPECT_EQ(server_.WaitForEnd(), GetParam() == SIGKILL ? 128 + SIGKILL : 0);

  ASSERT_THAT(server_.Start(), IsOk());
  const v1::Model restarted = ModelWithSlices();
  EXPECT_EQ(restarted.state(), v1::Model::TRAINING) << "the training was over before the signal: nothing is shown";
  ExpectKept(before, restarted);
  ExpectAllDone("m", 1000);
  ExpectKept(restarted, ModelWithSlices());
}

INSTANTIATE_TEST_SUITE_P(Signals, EndDuringTrainingTest, testing::Values(SIGTERM, SIGINT, SIGKILL),
                         [](const auto& info) { return absl::StrCat("Signal", info.param); });

TEST_F(RestartTest, ATermStopsInTheMiddleOfASliceThatTakesLong) {
  v1::Model model = SlowStripesModel("m", 1, 1, 10'000);
  ASSERT_THAT(Create(client(), model), IsOk());
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(0, 600, 2)}), IsOk());
  ASSERT_THAT(Train(client(), "m"), IsOk());
  ASSERT_THAT(
      WatchModelUntil(client(), "m", [](const v1::Model& now) { return now.shards(0).state() == v1::Shard::TRAINING; }),
      IsOk());
  EXPECT_EQ(server_.Terminate(), 0);
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->shards(0).slices_trained(), 0);
  EXPECT_EQ(GetModel(client(), "m")->state(), v1::Model::TRAINING);
  v1::DeleteModelRequest remove;
  remove.set_name("models/m");
  EXPECT_THAT(client().DeleteModel(remove), IsOk());
  EXPECT_EQ(server_.Terminate(), 0);
}

TEST_F(RestartTest, WhatWasAcknowledgedIsThere) {
  ASSERT_THAT(Create(client(), StripesModel("m", 2, 3)), IsOk());
  server_.Kill();
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->state(), v1::Model::CREATED);

  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(0, 30, 2), StripesBatch(30, 30, 2)}), IsOk());
  server_.Kill();
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(GetModel(client(), "m")->samples(), 120);
  EXPECT_EQ(GetModel(client(), "m")->subjects(), 60);

  ASSERT_THAT(Train(client(), "m"), IsOk());
  server_.Kill();
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_NE(GetModel(client(), "m")->state(), v1::Model::CREATED);
  ExpectAllDone("m", 120);

  v1::DeleteModelRequest remove;
  remove.set_name("models/m");
  ASSERT_THAT(client().DeleteModel(remove), IsOk());
  server_.Kill();
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_THAT(GetModel(client(), "m"), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
}

TEST_F(RestartTest, AnAcknowledgedForgetIsCarriedOutAfterAKill) {
  MakeTrained(StripesModel("m", 2, 3), 40);
  ASSERT_EQ(server_.Terminate(), 0);
  server_.options().insert(server_.options().end(), {"--retrain-delay", "86400"});
  ASSERT_THAT(server_.Start(), IsOk());

  std::vector<v1::ForgetRequest> requests;
  std::vector<v1::Erasure> erasures;
  for (const int person : {1, 2, 3, 39}) {
    requests.push_back(ForgetOf(PersonName(person)));
    const auto erasure = client().Forget(requests.back());
    ASSERT_THAT(erasure, IsOk());
    EXPECT_EQ(erasure->state(), v1::Erasure::IN_PROGRESS);
    erasures.push_back(*erasure);
  }
  server_.Kill();
  ASSERT_THAT(server_.Start(), IsOk());
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto again = client().Forget(requests[i]);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->name(), erasures[i].name());
    EXPECT_EQ(again->subject_nonce(), erasures[i].subject_nonce());
    EXPECT_EQ(again->samples_erased(), 2);
    EXPECT_EQ(again->state(), v1::Erasure::IN_PROGRESS);
  }
  // What is left of each shard is what no forgotten person had trained.
  const v1::Model isolated = ModelWithSlices();
  for (const v1::Erasure& erasure : erasures) {
    for (const v1::Erasure::Task& task : erasure.tasks()) {
      EXPECT_LE(isolated.shards(static_cast<int>(task.shard())).slices_trained(), task.first_slice());
    }
  }
  EXPECT_EQ(isolated.samples(), 72);

  server_.Kill();
  server_.options().back() = "0";
  ASSERT_THAT(server_.Start(), IsOk());
  ExpectAllDone("m", 72);
  const auto refused = Ingest(client(), "m", {StripesBatch(1, 3, 2)});
  ASSERT_THAT(refused, IsOk());
  EXPECT_EQ(refused->samples_forgotten(), 6);
  EXPECT_EQ(client().Audit({})->erasures_by_state().completed(), 4);
}

TEST_F(RestartTest, AKillInTheMiddleOfARetrainLosesNoSliceOfIt) {
  ASSERT_THAT(Create(client(), SlowStripesModel("m", 1, 8, 120)), IsOk());
  ASSERT_THAT(Ingest(client(), "m", {StripesBatch(0, 200, 5)}), IsOk());
  ASSERT_THAT(TrainAndWait(client(), "m"), IsOk());
  // Somebody of an early slice: there is much to train again.
  v1::ForgetRequest request;
  for (int person = 0; person < 200; ++person) {
    request = ForgetOf(PersonName(person));
    request.set_validate_only(true);
    const auto erasure = client().Forget(request);
    ASSERT_THAT(erasure, IsOk());
    if (erasure->tasks(0).first_slice() <= 1) break;
  }
  request.set_validate_only(false);
  const auto erasure = client().Forget(request);
  ASSERT_THAT(erasure, IsOk());
  const uint32_t first_slice = erasure->tasks(0).first_slice();
  ASSERT_THAT(WatchModelUntil(client(), "m",
                              [&](const v1::Model& model) { return model.shards(0).slices_trained() > first_slice; }),
              IsOk());
  const v1::Model before = ModelWithSlices();
  server_.Kill();

  ASSERT_THAT(server_.Start(), IsOk());
  const v1::Model restarted = ModelWithSlices();
  EXPECT_EQ(restarted.state(), v1::Model::TRAINING) << "the retrain was over before the kill: nothing is shown";
  ExpectKept(before, restarted);
  ExpectAllDone("m", 995);
  ExpectKept(restarted, ModelWithSlices());
}

TEST_F(RestartTest, AnIngestThatWasCutOffIsSentAgain) {
  ASSERT_THAT(Create(client(), StripesModel("m", 2, 2)), IsOk());
  constexpr int kBatches = 40;
  constexpr int kSubjects = 10;
  v1::IngestStart start;
  start.set_model("models/m");
  int next = 0;
  const std::shared_ptr<Client> held = server_.client();
  const auto cut_off = held->IngestSamples(start, [&](v1::SampleBatch* batch) -> absl::StatusOr<bool> {
    if (next == kBatches / 2) server_.Kill();
    *batch = StripesBatch(kSubjects * next++, kSubjects, 2);
    return next < kBatches;
  });
  EXPECT_EQ(cut_off.status().code(), absl::StatusCode::kUnavailable);

  ASSERT_THAT(server_.Start(), IsOk());
  const int64_t kept = GetModel(client(), "m")->samples();
  EXPECT_LE(kept, kBatches / 2 * kSubjects * 2);
  EXPECT_EQ(kept % (kSubjects * 2), 0) << "a batch is stored wholly or not at all";
  std::vector<v1::SampleBatch> all;
  for (int i = 0; i < kBatches; ++i) all.push_back(StripesBatch(kSubjects * i, kSubjects, 2));
  const auto response = Ingest(client(), "m", all);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->samples_unchanged(), kept);
  EXPECT_EQ(response->samples_ingested(), kBatches * kSubjects * 2 - kept);
  ASSERT_THAT(Train(client(), "m"), IsOk());
  ExpectAllDone("m", kBatches * kSubjects * 2);
}

TEST_F(RestartTest, TheCommandFollowsAnErasureThroughARestart) {
  MakeTrained(StripesModel("m", 2, 3), 40);
  ASSERT_EQ(server_.Terminate(), 0);
  server_.options().insert(server_.options().end(), {"--retrain-delay", "86400"});
  ASSERT_THAT(server_.Start(), IsOk());

  server_.KeepAddress();
  Command command;
  command.arguments = {kClientProgram, "--address", server_.address(), "forget", PersonName(5), "--wait"};
  command.stdout_path = files_.PathOf("out");
  command.stderr_path = files_.PathOf("err");
  ChildProcess follower(command);
  ASSERT_TRUE(WaitForText(command.stdout_path, "isolated"));
  server_.Kill();
  server_.options().back() = "0";
  ASSERT_THAT(server_.Start(), IsOk());
  EXPECT_EQ(follower.Wait(absl::Minutes(1)), 0) << ReadWholeFile(command.stderr_path);
  EXPECT_THAT(ReadWholeFile(command.stdout_path), HasSubstr("COMPLETED"));
  EXPECT_THAT(ReadWholeFile(command.stderr_path), HasSubstr("lost the server"));
}

}  // namespace
}  // namespace expunge
