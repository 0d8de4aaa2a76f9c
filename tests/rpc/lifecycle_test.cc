// One model's life, from its declaration to a forgotten subject, as a client sees it.

#include <string>
#include <vector>

#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

class LifecycleTest : public WireTest {
 protected:
  v1::Erasure Forget(const v1::ForgetRequest& request) {
    grpc::ClientContext context;
    v1::Erasure erasure;
    const grpc::Status status = erasure_->Forget(&context, request, &erasure);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return erasure;
  }

  v1::Erasure WatchToTheEnd(const std::string& name) {
    grpc::ClientContext context;
    v1::WatchErasureRequest request;
    request.set_name(name);
    const auto stream = erasure_->WatchErasure(&context, request);
    v1::Erasure erasure;
    while (stream->Read(&erasure)) {
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return erasure;
  }

  grpc::Status GetModel(const std::string& name, v1::Model* model) {
    grpc::ClientContext context;
    v1::GetModelRequest request;
    request.set_name(name);
    return model_->GetModel(&context, request, model);
  }
};

TEST_F(LifecycleTest, ACreatedModelIsWhatWasDeclared) {
  CreateModel();
  v1::Model model;
  ASSERT_TRUE(GetModel("models/m", &model).ok());
  EXPECT_EQ(model.name(), "models/m");
  EXPECT_EQ(model.state(), v1::Model::CREATED);
  EXPECT_EQ(model.sisa().slices(), 2);
  EXPECT_EQ(model.shards_size(), 2);
  EXPECT_EQ(model.shards(1).shard(), 1);
  EXPECT_EQ(model.shards(1).state(), v1::Shard::UNTRAINED);
  EXPECT_GT(model.create_time().seconds(), 0);
  EXPECT_FALSE(model.has_train_time());
}

TEST_F(LifecycleTest, ABadDeclarationNamesItsField) {
  grpc::ClientContext context;
  v1::CreateModelRequest request;
  *request.mutable_model() = SmallModel();
  request.mutable_model()->mutable_sisa()->set_shards(0);
  v1::Model model;
  const grpc::Status status = model_->CreateModel(&context, request, &model);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "sisa.shards");
}

TEST_F(LifecycleTest, AnUnknownOrMalformedModelNameIsRefusedEverywhere) {
  v1::Model model;
  EXPECT_EQ(ErrorInfoOf(GetModel("models/none", &model)).reason(), "MODEL_NOT_FOUND");
  EXPECT_EQ(FieldOf(GetModel("none", &model)), "name");
  EXPECT_EQ(ErrorInfoOf(Predict()).reason(), "MODEL_NOT_FOUND");
}

TEST_F(LifecycleTest, PredictBeforeTrainingSaysSo) {
  CreateModel();
  const grpc::Status status = Predict();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "MODEL_NOT_TRAINED");
}

TEST_F(LifecycleTest, ATrainedModelAnswers) {
  CreateModel();
  EXPECT_EQ(Ingest(0, 20).samples_ingested(), 20);
  v1::Model model;
  ASSERT_TRUE(GetModel("models/m", &model).ok());
  EXPECT_EQ(model.samples(), 20);
  EXPECT_EQ(model.subjects(), 20);
  EXPECT_TRUE(model.has_untrained_samples());
  Train();
  ASSERT_TRUE(GetModel("models/m", &model).ok());
  EXPECT_FALSE(model.has_untrained_samples());
  EXPECT_EQ(model.shards(0).slices_trained(), 2);
  EXPECT_TRUE(model.shards(0).voting());

  grpc::ClientContext context;
  v1::PredictResponse response;
  ASSERT_TRUE(prediction_->Predict(&context, OneInput(), &response).ok());
  ASSERT_EQ(response.predictions_size(), 1);
  EXPECT_EQ(response.predictions(0).label(), "no");  // both are equally probable: the lower class
  EXPECT_EQ(response.predictions(0).probabilities_size(), 2);
  EXPECT_TRUE(response.predictions(0).certified());
  EXPECT_EQ(response.constituents_voting(), 2);
  EXPECT_EQ(response.constituents_clean(), 2);
  EXPECT_EQ(response.constituents_total(), 2);
  EXPECT_EQ(response.ensemble_version(), model.ensemble_version());
}

TEST_F(LifecycleTest, AnErasureIsFollowedToItsEnd) {
  CreateModel();
  Ingest(0, 20);
  Train();
  const v1::Erasure begun = Forget(ForgetOf(7));
  EXPECT_EQ(begun.sequence(), 1);
  EXPECT_EQ(begun.samples_erased(), 1);
  EXPECT_EQ(begun.subject_nonce().size(), 32);
  EXPECT_TRUE(begun.milestones().has_isolated_time());
  ASSERT_EQ(begun.tasks_size(), 1);
  EXPECT_EQ(begun.tasks(0).model(), "models/m");

  const v1::Erasure ended = WatchToTheEnd(begun.name());
  EXPECT_EQ(ended.state(), v1::Erasure::COMPLETED);
  EXPECT_TRUE(ended.tasks(0).retrained());
  EXPECT_EQ(ended.tasks(0).slices_trained(), 2);
  EXPECT_TRUE(ended.milestones().has_purged_time());
  EXPECT_TRUE(ended.has_complete_time());
  EXPECT_EQ(ended.subject_nonce(), "");  // only for the caller of Forget

  const v1::Erasure repeated = Forget(ForgetOf(7));
  EXPECT_EQ(repeated.name(), begun.name());
  EXPECT_EQ(repeated.state(), v1::Erasure::COMPLETED);
  EXPECT_EQ(repeated.subject_nonce(), begun.subject_nonce());
  EXPECT_EQ(Ingest(7, 1).samples_forgotten(), 1);
}

TEST_F(LifecycleTest, ValidateOnlyChangesNothing) {
  CreateModel();
  Ingest(0, 4);
  v1::ForgetRequest request = ForgetOf(1);
  request.set_validate_only(true);
  const v1::Erasure erasure = Forget(request);
  EXPECT_EQ(erasure.samples_erased(), 1);
  EXPECT_EQ(erasure.subject_nonce(), "");
  v1::Model model;
  ASSERT_TRUE(GetModel("models/m", &model).ok());
  EXPECT_EQ(model.samples(), 4);
}

TEST_F(LifecycleTest, ErasuresAreListedInPagesAndByFilter) {
  for (int i = 0; i < 5; ++i) Forget(ForgetOf(i));
  v1::ListErasuresRequest request;
  request.set_page_size(2);
  std::vector<uint64_t> sequences;
  do {
    grpc::ClientContext context;
    v1::ListErasuresResponse page;
    ASSERT_TRUE(erasure_->ListErasures(&context, request, &page).ok());
    EXPECT_LE(page.erasures_size(), 2);
    for (const v1::Erasure& erasure : page.erasures()) sequences.push_back(erasure.sequence());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(sequences, (std::vector<uint64_t>{1, 2, 3, 4, 5}));

  grpc::ClientContext context;
  v1::AuditRequest audit;
  audit.mutable_filter()->set_subject_id("subject-3");
  v1::AuditReport report;
  ASSERT_TRUE(audit_->Audit(&context, audit, &report).ok());
  ASSERT_EQ(report.erasures_size(), 1);
  EXPECT_EQ(report.erasures(0).sequence(), 4);
  EXPECT_EQ(report.erasures_by_state().pending() + report.erasures_by_state().in_progress() +
                report.erasures_by_state().completed(),
            5);
}

TEST_F(LifecycleTest, ModelsAreListedInPages) {
  for (const char* name : {"models/c", "models/a", "models/b"}) {
    grpc::ClientContext context;
    v1::CreateModelRequest request;
    *request.mutable_model() = SmallModel();
    request.mutable_model()->set_name(name);
    v1::Model model;
    ASSERT_TRUE(model_->CreateModel(&context, request, &model).ok());
  }
  v1::ListModelsRequest request;
  request.set_page_size(2);
  grpc::ClientContext first;
  v1::ListModelsResponse page;
  ASSERT_TRUE(model_->ListModels(&first, request, &page).ok());
  ASSERT_EQ(page.models_size(), 2);
  EXPECT_EQ(page.models(1).name(), "models/b");
  EXPECT_EQ(page.models(1).shards_size(), 0);
  request.set_page_token(page.next_page_token());
  grpc::ClientContext second;
  ASSERT_TRUE(model_->ListModels(&second, request, &page).ok());
  ASSERT_EQ(page.models_size(), 1);
  EXPECT_EQ(page.models(0).name(), "models/c");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(LifecycleTest, AuditShowsTheShardMap) {
  CreateModel();
  Ingest(0, 20);
  Train();
  grpc::ClientContext context;
  v1::AuditReport report;
  ASSERT_TRUE(audit_->Audit(&context, {}, &report).ok());
  ASSERT_EQ(report.models_size(), 1);
  const v1::Shard& shard = report.models(0).shards(0);
  ASSERT_EQ(shard.slices_size(), 2);
  EXPECT_EQ(shard.state(), v1::Shard::TRAINED);
  EXPECT_EQ(shard.slices(0).samples() + shard.slices(1).samples(), shard.samples());
  EXPECT_EQ(shard.slices(1).lineage().size(), 32);
  EXPECT_GT(report.report_time().seconds(), 0);
}

TEST_F(LifecycleTest, AReplayFindsTheSameBits) {
  CreateModel();
  Ingest(0, 20);
  Train();
  grpc::ClientContext context;
  v1::ReplayShardRequest request;
  request.set_model("models/m");
  const auto stream = audit_->ReplayShard(&context, request);
  std::vector<uint32_t> matched;
  v1::ReplayProgress progress;
  while (stream->Read(&progress)) {
    EXPECT_NE(progress.verdict(), v1::ReplayProgress::MISMATCH);
    if (progress.verdict() != v1::ReplayProgress::MATCH) continue;
    matched.push_back(progress.shard());
    EXPECT_EQ(progress.served_digest(), progress.replayed_digest());
  }
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(matched, (std::vector<uint32_t>{0, 1}));
}

TEST_F(LifecycleTest, AReplayInAnotherEnvironmentSaysSoAndEndsWell) {
  CreateModel();
  Ingest(0, 20);
  Train();
  trainer_.MoveTo("another machine");
  grpc::ClientContext context;
  v1::ReplayShardRequest request;
  request.set_model("models/m");
  const auto stream = audit_->ReplayShard(&context, request);
  int messages = 0;
  for (v1::ReplayProgress progress; stream->Read(&progress); ++messages) {
    EXPECT_EQ(progress.verdict(), v1::ReplayProgress::ENVIRONMENT_DIFFERS);
    EXPECT_EQ(progress.trained_environment(), "hash");
    EXPECT_EQ(progress.server_environment(), "another machine");
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(messages, 2);  // a verdict for each shard, and no progress before it
}

TEST_F(LifecycleTest, AReplayOfNoShardIsRefused) {
  CreateModel();
  grpc::ClientContext context;
  v1::ReplayShardRequest request;
  request.set_model("models/m");
  request.set_shard(2);
  const auto stream = audit_->ReplayShard(&context, request);
  v1::ReplayProgress progress;
  EXPECT_FALSE(stream->Read(&progress));
  EXPECT_EQ(FieldOf(stream->Finish()), "shard");
}

}  // namespace
}  // namespace expunge
