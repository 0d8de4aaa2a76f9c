// What a person does with `expunge`, end to end.

#include <string>
#include <vector>

#include "client/uuid.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using google::protobuf::Struct;
using google::protobuf::util::MessageToJsonString;
using testing::Each;
using testing::HasSubstr;
using testing::Property;

constexpr int kSubjects = 60;
constexpr int kEach = 4;
constexpr int kSamples = kSubjects * kEach;

class CommandTest : public IntegrationTest {
 protected:
  std::string ModelFile(const v1::Model& model) {
    std::string json;
    EXPECT_TRUE(MessageToJsonString(model, &json).ok());
    return files_.Write("model.json", json);
  }

  // Creates "m", ingests and trains it.
  void Prepare() {
    images_ = files_.Write("images.gz", Gzip(IdxBytes(IdxType::kUint8, {kSamples, 8, 8}, StripesImages(0, kSamples))));
    labels_ = files_.Write("labels", IdxBytes(IdxType::kUint8, {kSamples}, StripesLabels(0, kSamples)));
    const v1::Model created = ExpungeJson<v1::Model>({"model", "create", ModelFile(StripesModel("m", 3, 2))});
    EXPECT_EQ(created.name(), "models/m");
    EXPECT_EQ(created.state(), v1::Model::CREATED);
    const auto ingested = ExpungeJson<v1::IngestSamplesResponse>(IngestArguments());
    EXPECT_EQ(ingested.samples_ingested(), kSamples);
    const v1::Model trained = ExpungeJson<v1::Model>({"train", "m"});
    EXPECT_EQ(trained.state(), v1::Model::READY);
    EXPECT_EQ(trained.constituents_voting(), 3);
  }

  std::vector<std::string> IngestArguments() const {
    return {"ingest", "m", "--format", "idx", "--images", images_, "--labels", labels_, "--samples-per-subject", "4"};
  }

  std::string images_;
  std::string labels_;
};

TEST_F(CommandTest, AnEmptyServerListsNothing) {
  EXPECT_THAT(Expunge({"--output", "json", "model", "list"}).out, HasSubstr("\"models\": []"));
  EXPECT_THAT(Expunge({"--output", "json", "erasure", "list"}).out, HasSubstr("\"erasures\": []"));
  EXPECT_EQ(Expunge({"model", "list"}).out, "no models\n");
  EXPECT_EQ(Expunge({"erasure", "list"}).out, "no erasures\n");
}

TEST_F(CommandTest, AModelIsMadeFromFilesAndAnswers) {
  Prepare();
  EXPECT_EQ(ExpungeJson<v1::ListModelsResponse>({"model", "list"}).models_size(), 1);
  EXPECT_EQ(ExpungeJson<v1::Model>({"model", "get", "m"}).subjects(), kSubjects);

  const auto again = ExpungeJson<v1::IngestSamplesResponse>(IngestArguments());
  EXPECT_EQ(again.samples_unchanged(), kSamples);
  EXPECT_EQ(again.samples_ingested(), 0);

  const Struct evaluation = ExpungeJson<Struct>({"evaluate", "m", "--images", images_, "--labels", labels_});
  EXPECT_GE(evaluation.fields().at("accuracy").number_value(), 0.95);
  EXPECT_EQ(evaluation.fields().at("samples").number_value(), kSamples);

  const auto predicted = ExpungeJson<v1::PredictResponse>({"predict", "m", "--images", images_, "--index", "5"});
  ASSERT_EQ(predicted.predictions_size(), 1);
  EXPECT_EQ(predicted.predictions(0).class_index(), StripesLabel(5));
  EXPECT_EQ(predicted.constituents_clean(), 3);

  const Struct replayed = ExpungeJson<Struct>({"replay", "m"});
  EXPECT_TRUE(replayed.fields().at("bitExact").bool_value());
  EXPECT_EQ(replayed.fields().at("shards").list_value().values_size(), 3);
  EXPECT_EQ(ExpungeJson<Struct>({"replay", "m", "--shard", "1"}).fields().at("shards").list_value().values_size(), 1);

  EXPECT_EQ(Expunge({"model", "delete", "m"}).status, 0);
  EXPECT_THAT(Expunge({"--output", "json", "model", "list"}).out, HasSubstr("\"models\": []"));
}

TEST_F(CommandTest, RawAndGzippedFilesGiveTheSameSamples) {
  Prepare();
  const std::string plain =
      files_.Write("images", IdxBytes(IdxType::kUint8, {kSamples, 8, 8}, StripesImages(0, kSamples)));
  const std::string zipped =
      files_.Write("labels.gz", Gzip(IdxBytes(IdxType::kUint8, {kSamples}, StripesLabels(0, kSamples))));
  images_ = plain;
  labels_ = zipped;
  EXPECT_EQ(ExpungeJson<v1::IngestSamplesResponse>(IngestArguments()).samples_unchanged(), kSamples);
}

TEST_F(CommandTest, APersonIsForgotten) {
  Prepare();
  const std::string request = RandomUuid();
  const auto erasure =
      ExpungeJson<v1::Erasure>({"forget", PersonName(7), "--regulation", "gdpr", "--request-id", request, "--wait"});
  EXPECT_EQ(erasure.state(), v1::Erasure::COMPLETED);
  EXPECT_EQ(erasure.regulation(), v1::GDPR);
  EXPECT_EQ(erasure.samples_erased(), kEach);
  EXPECT_EQ(erasure.subject_nonce().size(), 32);
  EXPECT_GE(erasure.milestones().retrained_time().seconds(), erasure.milestones().isolated_time().seconds());
  EXPECT_TRUE(erasure.milestones().has_purged_time());

  const auto repeated =
      ExpungeJson<v1::Erasure>({"forget", PersonName(7), "--regulation", "gdpr", "--request-id", request});
  EXPECT_EQ(repeated.name(), erasure.name());
  EXPECT_EQ(repeated.subject_nonce(), erasure.subject_nonce());
  const Outcome reused = Expunge({"forget", PersonName(8), "--request-id", request});
  EXPECT_EQ(reused.status, 1);
  EXPECT_THAT(reused.err, HasSubstr("REQUEST_ID_REUSED"));

  EXPECT_EQ(ExpungeJson<v1::Erasure>({"erasure", "get", erasure.name()}).state(), v1::Erasure::COMPLETED);
  EXPECT_EQ(ExpungeJson<v1::Erasure>({"erasure", "watch", erasure.name()}).name(), erasure.name());
  EXPECT_EQ(ExpungeJson<v1::ListErasuresResponse>({"erasure", "list"}).erasures_size(), 1);

  EXPECT_EQ(ExpungeJson<v1::Model>({"model", "get", "m"}).samples(), kSamples - kEach);
  const auto refused = ExpungeJson<v1::IngestSamplesResponse>(IngestArguments());
  EXPECT_EQ(refused.samples_forgotten(), kEach);
  EXPECT_EQ(refused.samples_unchanged(), kSamples - kEach);
  EXPECT_TRUE(ExpungeJson<Struct>({"replay", "m"}).fields().at("bitExact").bool_value());

  std::vector<std::string> with_consent = IngestArguments();
  with_consent.push_back("--new-consent");
  EXPECT_EQ(ExpungeJson<v1::IngestSamplesResponse>(with_consent).samples_ingested(), kEach);
}

TEST_F(CommandTest, AuditCountsAndChoosesErasures) {
  Prepare();
  const auto known = ExpungeJson<v1::Erasure>({"forget", PersonName(1), "--regulation", "gdpr", "--wait"});
  const auto unknown = ExpungeJson<v1::Erasure>({"forget", "a-stranger", "--regulation", "ccpa"});
  EXPECT_EQ(unknown.state(), v1::Erasure::COMPLETED);
  EXPECT_EQ(unknown.samples_erased(), 0);

  const auto report = ExpungeJson<v1::AuditReport>({"audit"});
  EXPECT_EQ(report.erasures_by_state().completed(), 2);
  EXPECT_EQ(report.erasures_size(), 2);
  ASSERT_EQ(report.models_size(), 1);
  ASSERT_EQ(report.models(0).shards_size(), 3);
  EXPECT_THAT(report.models(0).shards(), Each(Property(&v1::Shard::slices_size, 2)));
  EXPECT_EQ(report.dirty_shards(), 0);
  EXPECT_EQ(report.purge_problem(), "");

  EXPECT_EQ(ExpungeJson<v1::AuditReport>({"audit", "--state", "in_progress"}).erasures_size(), 0);
  EXPECT_EQ(ExpungeJson<v1::AuditReport>({"audit", "--state", "completed"}).erasures_size(), 2);
  EXPECT_EQ(ExpungeJson<v1::AuditReport>({"audit", "--overdue"}).erasures_size(), 0);
  EXPECT_EQ(ExpungeJson<v1::AuditReport>({"audit", "--model", "m"}).erasures_size(), 1);
  const auto of_one = ExpungeJson<v1::AuditReport>({"audit", "--subject", PersonName(1)});
  ASSERT_EQ(of_one.erasures_size(), 1);
  EXPECT_EQ(of_one.erasures(0).name(), known.name());
  EXPECT_EQ(of_one.erasures_by_state().completed(), 2);  // counts are over all
  EXPECT_EQ(ExpungeJson<v1::ListErasuresResponse>({"erasure", "list", "--subject", "nobody"}).erasures_size(), 0);
}

TEST_F(CommandTest, TextIsForPeople) {
  Prepare();
  EXPECT_THAT(Expunge({"model", "list"}).out, HasSubstr("m      READY"));
  EXPECT_THAT(Expunge({"model", "get", "m"}).out, HasSubstr("READY"));
  EXPECT_THAT(Expunge(IngestArguments()).out, HasSubstr("240"));
  EXPECT_THAT(Expunge({"train", "m"}).out, HasSubstr("3 of 3 constituents voting"));
  EXPECT_THAT(Expunge({"train", "m", "--no-wait"}).out, HasSubstr("training started"));
  EXPECT_THAT(Expunge({"evaluate", "m", "--images", images_, "--labels", labels_}).out, HasSubstr("accuracy"));
  EXPECT_THAT(Expunge({"predict", "m", "--images", images_, "--index", "0"}).out, HasSubstr("image 0: top"));
  const Outcome forgotten = Expunge({"forget", PersonName(3), "--wait"});
  EXPECT_EQ(forgotten.status, 0);
  EXPECT_THAT(forgotten.out, HasSubstr("COMPLETED"));
  EXPECT_THAT(Expunge({"erasure", "list"}).out, HasSubstr("COMPLETED"));
  EXPECT_THAT(Expunge({"audit"}).out, HasSubstr("1 completed"));
  EXPECT_THAT(Expunge({"replay", "m"}).out, HasSubstr("bit for bit"));
  EXPECT_EQ(Expunge({"model", "delete", "m"}).out, "deleted models/m\n");
}

TEST_F(CommandTest, ErrorsAreOneLineAndAStatus) {
  const struct {
    std::vector<std::string> arguments;
    int status;
    std::string reason;
  } kCases[] = {
      {{"model", "get", "nothing"}, 1, "MODEL_NOT_FOUND"},
      {{"model", "delete", "nothing"}, 1, "MODEL_NOT_FOUND"},
      {{"model", "get", "Not A Name"}, 1, "INVALID_FIELD"},
      {{"train", "nothing"}, 1, "MODEL_NOT_FOUND"},
      {{"replay", "nothing"}, 1, "MODEL_NOT_FOUND"},
      {{"erasure", "get", "5f0c6d6e-1d0a-4b5e-9a55-0f3f1b1f6a10"}, 1, "ERASURE_NOT_FOUND"},
      {{"erasure", "get", "no-uuid"}, 1, "INVALID_FIELD"},
      {{"forget", "somebody", "--model", "nothing"}, 1, "MODEL_NOT_FOUND"},
      {{"forget", ""}, 1, "INVALID_FIELD"},
      {{"forget", "somebody", "--request-id", "no-uuid"}, 2, "must be a UUID"},
      {{"forget", "somebody", "--regulation", "hammurabi"}, 2, "gdpr, ccpa, other"},
      {{"audit", "--state", "lost"}, 2, "in_progress"},
      {{"ingest", "m", "--format", "idx", "--images", "i", "--labels", "l", "--samples-per-subject", "0"},
       2,
       "at least 1"},
      {{"forget"}, 2, "SUBJECT"},
      {{"burn"}, 2, "burn"},
      {{}, 2, "--help"},
      {{"--output", "yaml", "model", "list"}, 2, "text or json"},
  };
  for (const auto& [arguments, status, reason] : kCases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome outcome = Expunge(arguments);
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(IsOneLineOf("expunge", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(reason));
  }
}

TEST(CommandAloneTest, NobodyAtTheAddressIsSaidSo) {
  const Outcome outcome = RunProgram({.arguments = {kClientProgram, "--address", "127.0.0.1:1", "model", "list"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(IsOneLineOf("expunge", outcome.err));
  EXPECT_THAT(outcome.err, HasSubstr("SERVER_UNREACHABLE"));
}

TEST(CommandAloneTest, EveryCommandShowsAnExample) {
  const std::vector<std::vector<std::string>> kCommands = {{},
                                                           {"model"},
                                                           {"model", "create"},
                                                           {"model", "list"},
                                                           {"model", "get"},
                                                           {"model", "delete"},
                                                           {"ingest"},
                                                           {"train"},
                                                           {"predict"},
                                                           {"evaluate"},
                                                           {"forget"},
                                                           {"erasure"},
                                                           {"erasure", "get"},
                                                           {"erasure", "list"},
                                                           {"audit"},
                                                           {"replay"},
                                                           {"erasure", "watch"}};
  for (std::vector<std::string> arguments : kCommands) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    arguments.insert(arguments.begin(), kClientProgram);
    arguments.push_back("--help");
    const Outcome outcome = RunProgram({.arguments = arguments});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("Example:\n"));
  }
  const Outcome server = RunProgram({.arguments = {kServerProgram, "--help"}});
  EXPECT_EQ(server.status, 0);
  EXPECT_THAT(server.out, HasSubstr("Example:\n"));
}

}  // namespace
}  // namespace expunge
