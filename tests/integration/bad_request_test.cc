// Every field of every RPC, out of bounds: refused by name, without the caller's names for people, and nothing changes.

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/uuid.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::Not;

// Stands in every name of a person or sample that is sent, and must stand in no error.
constexpr char kCanary[] = "canary";

struct Case {
  std::string what;
  std::function<absl::Status(Client&)> call;
  std::string field;
  std::string bound;  // of the message
};

class BadRequestTest : public IntegrationTest {
 protected:
  BadRequestTest() : IntegrationTest({"--max-message-bytes", "65536"}) {}

  void SetUp() override {
    IntegrationTest::SetUp();
    MakeTrained(StripesModel("m", 2, 2), 12);
    v1::Model floats = StripesModel("floats", 2, 2);
    floats.mutable_input()->set_dtype(v1::FLOAT32);
    floats.mutable_input()->clear_shape();
    floats.mutable_input()->add_shape(4);
    ASSERT_THAT(Create(client(), floats), IsOk());
    before_ = State();
  }

  void TearDown() override { EXPECT_EQ(State(), before_) << "something changed"; }

  void ExpectRefused(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
      SCOPED_TRACE(one.what);
      const absl::Status status = one.call(client());
      EXPECT_THAT(status, Fails(StatusCode::kInvalidArgument, "INVALID_FIELD"));
      EXPECT_EQ(FieldOf(status), one.field);
      EXPECT_THAT(std::string(status.message()), HasSubstr(one.field));
      EXPECT_THAT(std::string(status.message()), HasSubstr(one.bound));
      EXPECT_THAT(std::string(status.message()), Not(HasSubstr(kCanary)));
    }
  }

 private:
  std::string before_;
};

std::string Canary(size_t bytes = 0) {
  std::string name = kCanary;
  while (name.size() < bytes) name += kCanary;
  return name;
}

// --- Predict

Case BadPredict(const std::string& what, const std::string& field, const std::string& bound,
                const std::function<void(v1::PredictRequest&)>& change, const std::string& id = "m") {
  return {what,
          [=](Client& client) {
            v1::PredictRequest request = StripesInputs(id, 0, 2);
            change(request);
            return client.Predict(request).status();
          },
          field, bound};
}

v1::Tensor Floats(const std::vector<float>& values) {
  v1::Tensor tensor;
  tensor.set_dtype(v1::FLOAT32);
  tensor.add_shape(1);
  tensor.add_shape(static_cast<int64_t>(values.size()));
  tensor.set_data(std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  return tensor;
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST_F(BadRequestTest, Predict) {
  using Request = v1::PredictRequest;
  ExpectRefused({
      BadPredict("no model", "model", "models/{id}", [](Request& r) { r.clear_model(); }),
      BadPredict("no name of a model", "model", "models/{id}", [](Request& r) { r.set_model("m"); }),
      BadPredict("no inputs", "inputs.dtype", "UINT8", [](Request& r) { r.clear_inputs(); }),
      BadPredict("another dtype", "inputs.dtype", "UINT8",
                 [](Request& r) { r.mutable_inputs()->set_dtype(v1::FLOAT32); }),
      BadPredict("an unknown dtype", "inputs.dtype", "number 77",
                 [](Request& r) { r.mutable_inputs()->set_dtype(static_cast<v1::DType>(77)); }),
      BadPredict("no shape", "inputs.shape", "[batch, 8, 8]", [](Request& r) { r.mutable_inputs()->clear_shape(); }),
      BadPredict("another shape", "inputs.shape", "[batch, 8, 8]",
                 [](Request& r) { r.mutable_inputs()->set_shape(2, 9); }),
      BadPredict("a dimension too many", "inputs.shape", "[batch, 8, 8]",
                 [](Request& r) { r.mutable_inputs()->add_shape(1); }),
      BadPredict("an empty batch", "inputs.shape", "from 1 to 4096",
                 [](Request& r) { r.mutable_inputs()->set_shape(0, 0); }),
      BadPredict("a negative batch", "inputs.shape", "from 1 to 4096",
                 [](Request& r) { r.mutable_inputs()->set_shape(0, -1); }),
      BadPredict("a huge batch", "inputs.shape", "from 1 to 4096",
                 [](Request& r) { r.mutable_inputs()->set_shape(0, std::numeric_limits<int64_t>::max()); }),
      BadPredict("a byte too few", "inputs.data", "128 bytes",
                 [](Request& r) { r.mutable_inputs()->mutable_data()->pop_back(); }),
      BadPredict("a byte too many", "inputs.data", "128 bytes",
                 [](Request& r) { r.mutable_inputs()->mutable_data()->push_back(0); }),
      BadPredict(
          "NaN", "inputs.data", "finite",
          [](Request& r) {
            *r.mutable_inputs() = Floats({0, 1, kNaN, 2});
          },
          "floats"),
      BadPredict(
          "infinity", "inputs.data", "finite",
          [](Request& r) {
            *r.mutable_inputs() = Floats({0, 1, 2, kInfinity});
          },
          "floats"),
      BadPredict(
          "minus infinity", "inputs.data", "finite",
          [](Request& r) {
            *r.mutable_inputs() = Floats({-kInfinity, 1, 2, 3});
          },
          "floats"),
  });
  EXPECT_THAT(client().Predict(StripesInputs("nothing", 0, 1)), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  v1::PredictRequest untrained;
  untrained.set_model("models/floats");
  *untrained.mutable_inputs() = Floats({0, 1, 2, 3});
  EXPECT_THAT(client().Predict(untrained), Fails(StatusCode::kFailedPrecondition, "MODEL_NOT_TRAINED"));
}

// --- IngestSamples

Case BadBatch(const std::string& what, const std::string& field, const std::string& bound,
              const std::function<void(v1::SampleBatch&)>& change, const std::string& id = "m") {
  return {what,
          [=](Client& client) {
            v1::SampleBatch batch;
            for (int i = 0; i < 3; ++i) {
              batch.add_samples()->set_subject_id(absl::StrCat(Canary(), i));
              batch.mutable_samples(i)->set_sample_id(absl::StrCat(Canary(), "-sample-", i));
            }
            batch.set_inputs(StripesImages(0, 3));
            change(batch);
            return Ingest(client, id, {batch}).status();
          },
          field, bound};
}

TEST_F(BadRequestTest, IngestSamples) {
  using Batch = v1::SampleBatch;
  const std::string last = "batch.samples[2].";  // the others are good, and must not stay
  const auto with_floats = [](float bad) {
    return [bad](Batch& b) {
      const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, bad};
      b.set_inputs(std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
    };
  };
  ExpectRefused({
      BadBatch(
          "no name of a model", "start.model", "models/{id}", [](Batch&) {}, "No Name"),
      BadBatch("no samples", "batch.samples", "from 1 to", [](Batch& b) { b.clear_samples(); }),
      BadBatch("a byte too few", "batch.inputs", "192 bytes", [](Batch& b) { b.mutable_inputs()->pop_back(); }),
      BadBatch("a sample too many", "batch.inputs", "256 bytes", [](Batch& b) { *b.add_samples() = b.samples(0); }),
      BadBatch("no subject", last + "subject_id", "from 1 to 1024",
               [](Batch& b) { b.mutable_samples(2)->clear_subject_id(); }),
      BadBatch("a long subject", last + "subject_id", "from 1 to 1024",
               [](Batch& b) { b.mutable_samples(2)->set_subject_id(Canary(1025)); }),
      BadBatch("no sample id", last + "sample_id", "from 1 to 1024",
               [](Batch& b) { b.mutable_samples(2)->clear_sample_id(); }),
      BadBatch("a long sample id", last + "sample_id", "from 1 to 1024",
               [](Batch& b) { b.mutable_samples(2)->set_sample_id(Canary(1025)); }),
      BadBatch("no such class", last + "label", "from 0 to 2", [](Batch& b) { b.mutable_samples(2)->set_label(3); }),
      BadBatch("no such likelihood", last + "erasure_likelihood", "number 9",
               [](Batch& b) { b.mutable_samples(2)->set_erasure_likelihood(static_cast<v1::ErasureLikelihood>(9)); }),
      BadBatch("NaN", "batch.inputs", "finite", with_floats(kNaN), "floats"),
      BadBatch("infinity", "batch.inputs", "finite", with_floats(-kInfinity), "floats"),
  });
  EXPECT_THAT(Ingest(client(), "nothing", {StripesBatch(0, 1, 1)}), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
}

// --- CreateModel

Case BadModel(const std::string& what, const std::string& field, const std::string& bound,
              const std::function<void(v1::Model&)>& change) {
  return {what,
          [=](Client& client) {
            v1::Model model = StripesModel("new", 2, 2);
            change(model);
            return Create(client, model);
          },
          field, bound};
}

TEST_F(BadRequestTest, CreateModelNamesAndInput) {
  using Model = v1::Model;
  ExpectRefused({
      BadModel("no name", "name", "models/{id}", [](Model& m) { m.clear_name(); }),
      BadModel("a capital", "name", "a-z", [](Model& m) { m.set_name("models/New"); }),
      BadModel("a long name", "name", "1 to 63", [](Model& m) { m.set_name("models/" + std::string(64, 'a')); }),
      BadModel("a path", "name", "a-z", [](Model& m) { m.set_name("models/../new"); }),
      BadModel("no shape", "input.shape", "from 1 to 8", [](Model& m) { m.mutable_input()->clear_shape(); }),
      BadModel("a size of 0", "input.shape", "from 1 to", [](Model& m) { m.mutable_input()->set_shape(0, 0); }),
      BadModel("too large", "input.shape", "4194304", [](Model& m) { m.mutable_input()->set_shape(0, 4194304); }),
      BadModel("no dtype", "input.dtype", "UINT8", [](Model& m) { m.mutable_input()->clear_dtype(); }),
      BadModel("an unknown dtype", "input.dtype", "number 9",
               [](Model& m) { m.mutable_input()->set_dtype(static_cast<v1::DType>(9)); }),
      BadModel("NaN as mean", "input.mean", "finite", [](Model& m) { m.mutable_input()->set_mean(0, kNaN); }),
      BadModel("stddev of 0", "input.stddev", "greater than 0", [](Model& m) { m.mutable_input()->set_stddev(0, 0); }),
      BadModel("too many means", "input.mean", "1 entry or 8", [](Model& m) { m.mutable_input()->add_mean(1); }),
      BadModel("one label", "labels", "from 2 to 10000", [](Model& m) { m.mutable_labels()->DeleteSubrange(1, 2); }),
      BadModel("an empty label", "labels", "1 to 256", [](Model& m) { m.set_labels(1, ""); }),
      BadModel("the same label twice", "labels", "unique", [](Model& m) { m.set_labels(1, m.labels(0)); }),
  });
  EXPECT_THAT(Create(client(), StripesModel("m", 1, 1)), Fails(StatusCode::kAlreadyExists, "MODEL_EXISTS"));
}

TEST_F(BadRequestTest, CreateModelTrainingAndShards) {
  using Model = v1::Model;
  const auto sgd = [](Model& m) { return m.mutable_training()->mutable_sgd(); };
  ExpectRefused({
      BadModel("no architecture", "architecture", "softmax_regression", [](Model& m) { m.clear_architecture(); }),
      BadModel("no layers", "architecture.mlp.hidden_sizes", "from 1 to 16",
               [](Model& m) { m.mutable_architecture()->mutable_mlp(); }),
      BadModel("a layer of 0", "architecture.mlp.hidden_sizes", "from 1 to 65536",
               [](Model& m) { m.mutable_architecture()->mutable_mlp()->add_hidden_sizes(0); }),
      BadModel("one channel", "architecture.cnn.channels", "exactly 2",
               [](Model& m) { m.mutable_architecture()->mutable_cnn()->add_channels(8); }),
      BadModel("too many parameters", "architecture", "parameters",
               [](Model& m) {
                 for (int i = 0; i < 2; ++i) m.mutable_architecture()->mutable_mlp()->add_hidden_sizes(65536);
               }),
      BadModel("no epochs", "training.epochs", "from 1 to 10000",
               [](Model& m) { m.mutable_training()->set_epochs(0); }),
      BadModel("no batch", "training.batch_size", "from 1 to 65536",
               [](Model& m) { m.mutable_training()->set_batch_size(0); }),
      BadModel("no optimizer", "training", "sgd and adam", [](Model& m) { m.mutable_training()->clear_optimizer(); }),
      BadModel("a learning rate of 0", "training.sgd.learning_rate", "greater than 0",
               [&](Model& m) { sgd(m)->set_learning_rate(0); }),
      BadModel("NaN as learning rate", "training.sgd.learning_rate", "greater than 0",
               [&](Model& m) { sgd(m)->set_learning_rate(kNaN); }),
      BadModel("a momentum of 1", "training.sgd.momentum", "less than 1", [&](Model& m) { sgd(m)->set_momentum(1); }),
      BadModel("a negative decay", "training.sgd.weight_decay", "from 0",
               [&](Model& m) { sgd(m)->set_weight_decay(-1); }),
      BadModel("beta of 1", "training.adam.beta1", "less than 1",
               [](Model& m) {
                 m.mutable_training()->mutable_adam()->set_learning_rate(1);
                 m.mutable_training()->mutable_adam()->set_beta1(1);
               }),
      BadModel("no method", "method", "sisa", [](Model& m) { m.clear_sisa(); }),
      BadModel("no shards", "sisa.shards", "from 1 to 1024", [](Model& m) { m.mutable_sisa()->set_shards(0); }),
      BadModel("too many shards", "sisa.shards", "from 1 to 1024",
               [](Model& m) { m.mutable_sisa()->set_shards(1025); }),
      BadModel("no slices", "sisa.slices", "from 1 to 256", [](Model& m) { m.mutable_sisa()->set_slices(0); }),
      BadModel("too many slices", "sisa.slices", "from 1 to 256", [](Model& m) { m.mutable_sisa()->set_slices(257); }),
      BadModel("no such aggregation", "sisa.aggregation", "number 5",
               [](Model& m) { m.mutable_sisa()->set_aggregation(static_cast<Model::Aggregation>(5)); }),
  });
}

// --- The other services

TEST_F(BadRequestTest, Forget) {
  const auto bad = [](const std::string& what, const std::string& field, const std::string& bound,
                      const std::function<void(v1::ForgetRequest&)>& change) {
    return Case{what,
                [=](Client& client) {
                  v1::ForgetRequest request = ForgetOf(Canary());
                  change(request);
                  return client.Forget(request).status();
                },
                field, bound};
  };
  using Request = v1::ForgetRequest;
  ExpectRefused({
      bad("no request id", "request_id", "UUID", [](Request& r) { r.clear_request_id(); }),
      bad("no UUID", "request_id", "UUID", [](Request& r) { r.set_request_id("1"); }),
      bad("a UUID in braces", "request_id", "UUID", [](Request& r) { r.set_request_id("{" + r.request_id() + "}"); }),
      bad("no subject", "subject_id", "from 1 to 1024", [](Request& r) { r.clear_subject_id(); }),
      bad("a long subject", "subject_id", "from 1 to 1024", [](Request& r) { r.set_subject_id(Canary(1025)); }),
      bad("no name of a model", "models[1]", "models/{id}",
          [](Request& r) {
            r.add_models("models/m");
            r.add_models("m");
          }),
      bad("too many models", "models", "at most 1000",
          [](Request& r) {
            for (int i = 0; i < 1001; ++i) r.add_models("models/m");
          }),
      bad("a sample without a name", "sample_ids[1]", "from 1 to 1024",
          [](Request& r) {
            r.add_sample_ids("s");
            r.add_sample_ids("");
          }),
      bad("too many samples", "sample_ids", "at most 10000",
          [](Request& r) {
            for (int i = 0; i < 10'001; ++i) r.add_sample_ids("s");
          }),
      bad("no such regulation", "regulation", "number 12",
          [](Request& r) { r.set_regulation(static_cast<v1::Regulation>(12)); }),
      bad("no such time", "submitted_time", "9999", [](Request& r) { r.mutable_submitted_time()->set_nanos(-1); }),
  });
  v1::ForgetRequest elsewhere = ForgetOf(Canary());
  elsewhere.add_models("models/nothing");
  EXPECT_THAT(client().Forget(elsewhere), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  v1::ForgetRequest dry = ForgetOf(PersonName(1));
  dry.set_validate_only(true);
  EXPECT_THAT(client().Forget(dry), IsOk());  // and TearDown sees that nothing changed
}

TEST_F(BadRequestTest, ListsAndNames) {
  const auto models = [](const std::function<void(v1::ListModelsRequest&)>& change) {
    return [=](Client& client) {
      v1::ListModelsRequest request;
      change(request);
      return client.ListModels(request).status();
    };
  };
  const auto erasures = [](const std::function<void(v1::ListErasuresRequest&)>& change) {
    return [=](Client& client) {
      v1::ListErasuresRequest request;
      change(request);
      return client.ListErasures(request).status();
    };
  };
  const auto audit = [](const std::function<void(v1::AuditRequest&)>& change) {
    return [=](Client& client) {
      v1::AuditRequest request;
      change(request);
      return client.Audit(request).status();
    };
  };
  using A = v1::AuditRequest;
  ExpectRefused({
      {"models, page size", models([](auto& r) { r.set_page_size(-1); }), "page_size", "0 or more"},
      {"models, page token", models([](auto& r) { r.set_page_token("%%%"); }), "page_token", "next_page_token"},
      {"erasures, page size", erasures([](auto& r) { r.set_page_size(-7); }), "page_size", "0 or more"},
      {"erasures, page token", erasures([](auto& r) { r.set_page_token("aGVsbG8"); }), "page_token", "next_page_token"},
      {"audit, page size", audit([](A& r) { r.set_page_size(std::numeric_limits<int32_t>::min()); }), "page_size",
       "0 or more"},
      {"audit, page token", audit([](A& r) { r.set_page_token(Canary()); }), "page_token", "next_page_token"},
      {"audit, state", audit([](A& r) { r.mutable_filter()->set_state(static_cast<v1::Erasure::State>(44)); }),
       "filter.state", "number 44"},
      {"audit, regulation", audit([](A& r) { r.mutable_filter()->set_regulation(static_cast<v1::Regulation>(44)); }),
       "filter.regulation", "number 44"},
      {"audit, model", audit([](A& r) { r.mutable_filter()->set_model("m"); }), "filter.model", "models/{id}"},
      {"audit, subject", audit([](A& r) { r.mutable_filter()->set_subject_id(Canary(1025)); }), "filter.subject_id",
       "1024"},
      {"audit, from", audit([](A& r) { r.mutable_filter()->mutable_received_from()->set_nanos(1'000'000'000); }),
       "filter.received_from", "9999"},
      {"audit, until", audit([](A& r) { r.mutable_filter()->mutable_received_until()->set_seconds(INT64_MAX); }),
       "filter.received_until", "9999"},
      {"get erasure",
       [](Client& c) {
         v1::GetErasureRequest r;
         r.set_name(Canary());
         return c.GetErasure(r).status();
       },
       "name", "erasures/{uuid}"},
      {"watch erasure", [](Client& c) { return WaitUntilFinal(c, "erasures/1").status(); }, "name", "erasures/{uuid}"},
      {"get model", [](Client& c) { return GetModel(c, "No Name").status(); }, "name", "models/{id}"},
      {"delete model", [](Client& c) { return c.DeleteModel({}); }, "name", "models/{id}"},
      {"train model", [](Client& c) { return Train(c, ""); }, "name", "models/{id}"},
      {"watch model", [](Client& c) { return WaitUntilReady(c, "-").status(); }, "name", "models/{id}"},
      {"replay", [](Client& c) { return ReplayAll(c, ""); }, "model", "models/{id}"},
      {"replay a shard",
       [](Client& c) {
         v1::ReplayShardRequest r;
         r.set_model("models/m");
         r.set_shard(2);
         return c.ReplayShard(r, [](const v1::ReplayProgress&) { return true; });
       },
       "shard", "from 0 to 1"},
  });
}

TEST_F(BadRequestTest, WhatIsNotThereIsNotFound) {
  EXPECT_THAT(GetModel(client(), "nothing"), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_THAT(Train(client(), "nothing"), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_THAT(WaitUntilReady(client(), "nothing"), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_THAT(ReplayAll(client(), "nothing"), Fails(StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_THAT(WaitUntilFinal(client(), absl::StrCat("erasures/", RandomUuid())),
              Fails(StatusCode::kNotFound, "ERASURE_NOT_FOUND"));
  EXPECT_THAT(Train(client(), "floats"), Fails(StatusCode::kFailedPrecondition, "NO_SAMPLES"));
}

TEST_F(BadRequestTest, AnErasureThatThereIsNotCannotBeReflected) {
  v1::PredictRequest predict = StripesInputs("m", 0, 1);
  predict.set_min_erasure_sequence(std::numeric_limits<uint64_t>::max());
  const absl::Status status = client().Predict(predict).status();
  EXPECT_THAT(status, Fails(StatusCode::kUnavailable, "ERASURE_NOT_ISOLATED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("min_erasure_sequence"));
}

TEST_F(BadRequestTest, AMessageOverTheLimitIsRefused) {
  const absl::Status predicted = client().Predict(StripesInputs("m", 0, 2000)).status();
  EXPECT_EQ(predicted.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(predicted.message()), HasSubstr("65536"));
  const absl::Status ingested = Ingest(client(), "m", {StripesBatch(1000, 700, 1)}).status();
  EXPECT_EQ(ingested.code(), StatusCode::kResourceExhausted);
}

TEST_F(BadRequestTest, MoreSlicesThanSubjectsCannotBeTrained) {
  ASSERT_THAT(Create(client(), StripesModel("fine-slices", 1, 8)), IsOk());
  ASSERT_THAT(Ingest(client(), "fine-slices", {StripesBatch(0, 7, 5)}), IsOk());
  const absl::Status status = Train(client(), "fine-slices");
  EXPECT_THAT(status, Fails(StatusCode::kFailedPrecondition, "MORE_SLICES_THAN_SUBJECTS"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("8 slices and 7 subjects"));
  v1::DeleteModelRequest remove;
  remove.set_name("models/fine-slices");
  ASSERT_THAT(client().DeleteModel(remove), IsOk());
}

}  // namespace
}  // namespace expunge
