#include "client/cli/json.h"

#include "base/error.h"
#include "expunge/v1/model_service.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace expunge::cli {
namespace {

using ::testing::HasSubstr;

TEST(JsonTest, ListsAreThereAlsoWhenEmpty) {
  EXPECT_EQ(*ToJson(v1::ListModelsResponse(), /*pretty=*/false), R"({"models":[],"nextPageToken":""})");
}

TEST(JsonTest, FieldsAreInLowerCamelCase) {
  v1::IngestSamplesResponse response;
  response.set_samples_ingested(60'000);
  EXPECT_THAT(*ToJson(response, /*pretty=*/true), HasSubstr("\"samplesIngested\": \"60000\",\n"));
}

TEST(JsonTest, ReadsWhatItWrote) {
  v1::Model model, again;
  model.set_name("models/test");
  model.mutable_input()->add_shape(28);
  model.mutable_architecture()->mutable_mlp()->add_hidden_sizes(64);
  ASSERT_TRUE(FromJson(*ToJson(model, /*pretty=*/true), &again).ok());
  EXPECT_EQ(again.SerializeAsString(), model.SerializeAsString());
}

TEST(JsonTest, UnknownFieldsAndBrokenSyntaxAreErrors) {
  for (const char* json : {R"({"name": "x", "colour": 1})", R"({"sisa": {"shards": 1, "colour": 1}})", "{", "", "[]"}) {
    v1::Model model;
    const absl::Status status = FromJson(json, &model);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_EQ(ReasonOf(status), "INVALID_JSON") << json;
    if (std::string(json).find("colour") != std::string::npos) {
      EXPECT_THAT(std::string(status.message()), HasSubstr("colour"));
    }
  }
}

TEST(JsonTest, AnObjectKeepsItsOrder) {
  EXPECT_EQ(JsonObject().Add("accuracy", 0.87).Add("samples", int64_t{10'000}).AddBool("bitExact", true).ToString(),
            "{\n \"accuracy\": 0.87,\n \"samples\": 10000,\n \"bitExact\": true\n}\n");
  EXPECT_EQ(JsonObject().AddList("none", {}).AddList("some", {"{}", "1"}).ToString(),
            "{\n \"none\": [],\n \"some\": [\n  {},\n  1\n ]\n}\n");
}

TEST(JsonTest, TextIsQuoted) {
  EXPECT_EQ(JsonObject().AddText("path", "a\"b\\c\n\x7f ä").Add("n", int64_t{1}).ToLine(),
            "{\"path\": \"a\\\"b\\\\c\\u000a\\u007f ä\", \"n\": 1}");
}

TEST(JsonTest, DoublesAreWrittenAsTheyAre) {
  EXPECT_EQ(JsonObject().Add("x", 0.1).Add("y", 1.0).Add("z", 1e-7).ToString(),
            "{\n \"x\": 0.1,\n \"y\": 1,\n \"z\": 1e-07\n}\n");
}

}  // namespace
}  // namespace expunge::cli
