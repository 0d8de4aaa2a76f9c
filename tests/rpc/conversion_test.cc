#include "rpc/conversion.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "rpc/spec_conversion.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

std::vector<ModelSpec> Specs() {
  ModelSpec softmax;
  softmax.input = {
      .shape = {3, 8, 9}, .dtype = DType::kFloat32, .mean = {1.0f, 2.0f, 3.0f}, .stddev = {4.0f, 5.0f, 6.0f}};
  softmax.labels = {"a", "b"};
  softmax.architecture = SoftmaxRegression{};
  softmax.training = {.epochs = 7, .batch_size = 8, .seed = ~uint64_t{0}, .optimizer = Sgd{0.5, 0.25, 0.125}};
  softmax.sisa = {.shards = 3, .slices = 4, .aggregation = Aggregation::kMajorityVote};
  ModelSpec mlp = softmax;
  mlp.input.dtype = DType::kUint8;
  mlp.architecture = Mlp{{128, 64}};
  mlp.training.optimizer = Adam{0.5, 0.25, 0.125, 0.0625, 2.0};
  ModelSpec cnn = softmax;
  cnn.architecture = Cnn{{5, 6}, 7};
  cnn.sisa.aggregation = Aggregation::kMeanProbability;
  return {softmax, mlp, cnn};
}

TEST(SpecConversionTest, EverySpecComesBackTheSame) {
  for (const ModelSpec& spec : Specs()) {
    v1::Model wire;
    SpecToWire(spec, &wire);
    const absl::StatusOr<ModelSpec> back = SpecFromWire(wire);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, spec) << wire.ShortDebugString();
  }
}

TEST(SpecConversionTest, WhatIsLeftOutHasTheDocumentedDefault) {
  v1::Model wire = SmallModel();
  absl::StatusOr<ModelSpec> spec = SpecFromWire(wire);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->input.mean, std::vector<float>{0.0f});
  EXPECT_EQ(spec->input.stddev, std::vector<float>{1.0f});
  EXPECT_EQ(spec->sisa.aggregation, Aggregation::kMeanProbability);
  EXPECT_EQ(std::get<Sgd>(spec->training.optimizer), (Sgd{0.1, 0.0, 0.0}));
  wire.mutable_training()->mutable_adam()->set_learning_rate(0.1);
  spec = SpecFromWire(wire);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(std::get<Adam>(spec->training.optimizer), (Adam{0.1, 0.9, 0.999, 1e-8, 0.0}));
}

TEST(SpecConversionTest, NamesWhatIsMissing) {
  const std::vector<std::pair<std::string, std::function<void(v1::Model&)>>> table = {
      {"architecture", [](v1::Model& model) { model.clear_architecture(); }},
      {"training", [](v1::Model& model) { model.clear_training(); }},
      {"method", [](v1::Model& model) { model.clear_method(); }},
      {"sisa.aggregation",
       [](v1::Model& model) { model.mutable_sisa()->set_aggregation(static_cast<v1::Model::Aggregation>(5)); }},
  };
  for (const auto& [field, spoil] : table) {
    v1::Model model = SmallModel();
    spoil(model);
    EXPECT_EQ(FieldOf(SpecFromWire(model).status()), field);
  }
}

// The fields that ValidateSpec names are those of the wire.
TEST(SpecConversionTest, AMissingInputIsNamedByValidateSpec) {
  v1::Model model = SmallModel();
  model.mutable_input()->clear_dtype();
  EXPECT_EQ(FieldOf(ValidateSpec(*SpecFromWire(model))), "input.dtype");
  model.clear_input();
  EXPECT_EQ(FieldOf(ValidateSpec(*SpecFromWire(model))), "input.shape");
}

TEST(SpecConversionTest, TheShippedModelFilesAreValid) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(EXPUNGE_TEST_DATA "/../../deploy/models")) {
    std::ifstream stream(file.path());
    const std::string json{std::istreambuf_iterator<char>(stream), {}};
    v1::Model model;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &model).ok()) << file.path();
    EXPECT_EQ(model.name(), "models/" + file.path().stem().string());
    const absl::StatusOr<ModelSpec> spec = SpecFromWire(model);
    ASSERT_TRUE(spec.ok()) << spec.status();
    EXPECT_TRUE(ValidateSpec(*spec).ok()) << ValidateSpec(*spec);
    ++files;
  }
  EXPECT_GE(files, 2);
}

TEST(ForgetFromWireTest, TakesEveryField) {
  v1::ForgetRequest wire = ForgetOf(3);
  wire.add_models("models/m");
  wire.set_regulation(v1::CCPA);
  wire.mutable_submitted_time()->set_seconds(1'700'000'000);
  wire.mutable_submitted_time()->set_nanos(5000);
  wire.set_validate_only(true);
  const absl::StatusOr<ForgetRequest> request = ForgetFromWire(wire);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->request_id[15], 3);
  EXPECT_EQ(request->subject_id, "subject-3");
  EXPECT_EQ(request->models, std::vector<std::string>{"m"});
  EXPECT_EQ(request->regulation, Regulation::kCcpa);
  EXPECT_EQ(request->submitted_time, absl::FromUnixSeconds(1'700'000'000) + absl::Microseconds(5));
  EXPECT_TRUE(request->validate_only);
}

TEST(ForgetFromWireTest, NamesTheFieldThatIsWrong) {
  const std::vector<std::pair<std::string, std::function<void(v1::ForgetRequest&)>>> table = {
      {"request_id", [](v1::ForgetRequest& request) { request.clear_request_id(); }},
      {"request_id", [](v1::ForgetRequest& request) { request.set_request_id("7"); }},
      {"subject_id", [](v1::ForgetRequest& request) { request.clear_subject_id(); }},
      {"subject_id", [](v1::ForgetRequest& request) { request.set_subject_id(std::string(1025, 'x')); }},
      {"models[0]", [](v1::ForgetRequest& request) { request.add_models("m"); }},
      {"models",
       [](v1::ForgetRequest& request) {
         for (int i = 0; i < 1001; ++i) request.add_models("models/m");
       }},
      {"regulation", [](v1::ForgetRequest& request) { request.set_regulation(static_cast<v1::Regulation>(9)); }},
      {"submitted_time", [](v1::ForgetRequest& request) { request.mutable_submitted_time()->set_nanos(-1); }},
  };
  for (const auto& [field, spoil] : table) {
    v1::ForgetRequest request = ForgetOf(1);
    spoil(request);
    const absl::Status status = ForgetFromWire(request).status();
    EXPECT_EQ(FieldOf(status), field) << status;
  }
}

TEST(FilterFromWireTest, TakesEveryField) {
  v1::ErasureFilter wire;
  wire.set_state(v1::Erasure::COMPLETED);
  wire.set_regulation(v1::OTHER);
  wire.set_model("models/m");
  wire.set_overdue(true);
  wire.set_subject_id("somebody");
  wire.mutable_received_from()->set_seconds(1);
  wire.mutable_received_until()->set_seconds(2);
  const absl::StatusOr<ErasureFilter> filter = FilterFromWire(wire);
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->state, records::Erasure::COMPLETED);
  EXPECT_EQ(filter->regulation, Regulation::kOther);
  EXPECT_EQ(filter->model, "m");
  EXPECT_TRUE(filter->overdue);
  EXPECT_EQ(filter->subject_id, "somebody");
  EXPECT_EQ(filter->received_from, absl::FromUnixSeconds(1));
  EXPECT_EQ(filter->received_until, absl::FromUnixSeconds(2));
}

TEST(FilterFromWireTest, NothingRestrictsNothing) {
  const absl::StatusOr<ErasureFilter> filter = FilterFromWire({});
  ASSERT_TRUE(filter.ok());
  EXPECT_FALSE(filter->state || filter->regulation || filter->received_from || filter->received_until ||
               filter->overdue);
}

TEST(FilterFromWireTest, NamesTheFieldThatIsWrong) {
  const std::vector<std::pair<std::string, std::function<void(v1::ErasureFilter&)>>> table = {
      {"filter.state", [](v1::ErasureFilter& filter) { filter.set_state(static_cast<v1::Erasure::State>(9)); }},
      {"filter.regulation", [](v1::ErasureFilter& filter) { filter.set_regulation(static_cast<v1::Regulation>(9)); }},
      {"filter.model", [](v1::ErasureFilter& filter) { filter.set_model("m"); }},
      {"filter.subject_id", [](v1::ErasureFilter& filter) { filter.set_subject_id(std::string(1025, 'x')); }},
      {"filter.received_from", [](v1::ErasureFilter& filter) { filter.mutable_received_from()->set_nanos(-1); }},
      {"filter.received_until", [](v1::ErasureFilter& filter) { filter.mutable_received_until()->set_nanos(-1); }},
  };
  for (const auto& [field, spoil] : table) {
    v1::ErasureFilter filter;
    spoil(filter);
    EXPECT_EQ(FieldOf(FilterFromWire(filter).status()), field);
  }
}

TEST(SamplesFromWireTest, CutsTheInputsApart) {
  v1::IngestSamplesRequest request = Batch(0, 3);
  request.mutable_batch()->mutable_samples(1)->set_erasure_likelihood(v1::HIGH);
  const std::vector<NewSample> samples = SamplesFromWire(request.batch(), *SpecFromWire(SmallModel()));
  ASSERT_EQ(samples.size(), 3);
  EXPECT_EQ(samples[1].subject_id, "subject-1");
  EXPECT_EQ(samples[1].sample_id, "s");
  EXPECT_EQ(samples[1].label, 1);
  EXPECT_EQ(samples[1].likelihood, ErasureLikelihood::kHigh);
  EXPECT_EQ(samples[1].input, "\1\2");
  EXPECT_EQ(samples[2].input, "\2\3");
}

TEST(TimeToWireTest, RoundsNothingAway) {
  EXPECT_EQ(TimeToWire(absl::FromUnixNanos(1'500'000'001)).seconds(), 1);
  EXPECT_EQ(TimeToWire(absl::FromUnixNanos(1'500'000'001)).nanos(), 500'000'001);
  EXPECT_EQ(TimeToWire(absl::FromUnixNanos(-1)).seconds(), -1);
  EXPECT_EQ(TimeToWire(absl::FromUnixNanos(-1)).nanos(), 999'999'999);
}

TEST(ReplayVerdictToWireTest, AMismatchNamesItsSlice) {
  const ModelSpec spec = *SpecFromWire(SmallModel());
  v1::ReplayProgress wire =
      ReplayVerdictToWire({.kind = ReplayVerdict::Kind::kMismatch, .worker_seconds = 2.5}, 1, spec);
  EXPECT_EQ(wire.verdict(), v1::ReplayProgress::MISMATCH);
  EXPECT_TRUE(wire.has_first_mismatch());
  EXPECT_EQ(wire.shard(), 1);
  EXPECT_EQ(wire.slices_total(), 2);
  EXPECT_EQ(wire.worker_seconds(), 2.5);
  wire = ReplayVerdictToWire({.kind = ReplayVerdict::Kind::kMatch}, 1, spec);
  EXPECT_EQ(wire.verdict(), v1::ReplayProgress::MATCH);
  EXPECT_FALSE(wire.has_first_mismatch());
}

TEST(ReplayVerdictToWireTest, AnotherEnvironmentHasNothingButTheTwoEnvironments) {
  v1::ReplayProgress wire = ReplayVerdictToWire(
      {.kind = ReplayVerdict::Kind::kEnvironmentDiffers, .trained_environment = "there", .server_environment = "here"},
      0, *SpecFromWire(SmallModel()));
  EXPECT_EQ(wire.verdict(), v1::ReplayProgress::ENVIRONMENT_DIFFERS);
  EXPECT_EQ(wire.trained_environment(), "there");
  EXPECT_EQ(wire.server_environment(), "here");
  EXPECT_FALSE(wire.has_first_mismatch());
  EXPECT_EQ(wire.served_digest(), "");
  EXPECT_EQ(wire.lineage(), "");
}

}  // namespace
}  // namespace expunge
