#include "rpc/inference_conversion.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "gtest/gtest.h"
#include "tests/testing/simulated_clock.h"

namespace expunge {
namespace {

using Request = inference::ModelInferRequest;

// Inputs of 2 x 3, three classes, two shards of two slices.
std::shared_ptr<ModelEntry> Model(DType dtype) {
  static const SimulatedClock clock;
  ModelSpec spec;
  spec.input.shape = {2, 3};
  spec.input.dtype = dtype;
  spec.labels = {"a", "bb", "\"c\""};
  spec.sisa = {.shards = 2, .slices = 2};
  return std::make_shared<ModelEntry>(1, records::Model(), spec, &clock);
}

Request Shaped(const std::string& datatype, const std::vector<int64_t>& shape) {
  Request request;
  request.set_model_name("m");
  auto* const input = request.add_inputs();
  input->set_name("input");
  input->set_datatype(datatype);
  input->mutable_shape()->Assign(shape.begin(), shape.end());
  return request;
}

Request Raw(const std::string& datatype, const std::vector<int64_t>& shape, const std::string& blob) {
  Request request = Shaped(datatype, shape);
  request.add_raw_input_contents(blob);
  return request;
}

Request TypedBytes(const std::vector<uint32_t>& numbers, const std::vector<int64_t>& shape = {1, 6}) {
  Request request = Shaped("UINT8", shape);
  request.mutable_inputs(0)->mutable_contents()->mutable_uint_contents()->Assign(numbers.begin(), numbers.end());
  return request;
}

Request TypedFloats(const std::vector<float>& numbers, const std::vector<int64_t>& shape = {1, 6}) {
  Request request = Shaped("FP32", shape);
  request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->Assign(numbers.begin(), numbers.end());
  return request;
}

std::string BytesOf(const ModelInputs& inputs) {
  return {reinterpret_cast<const char*>(inputs.data.data()), inputs.data.size()};
}

TEST(InferFromWireTest, ReadsRawInputsWhereTheyLie) {
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{4, 2, 3}, {4, 6}}) {
    const Request request = Raw("UINT8", shape, std::string(24, 'x'));
    const absl::StatusOr<ModelInputs> inputs = InferFromWire(request, Model(DType::kUint8));
    ASSERT_TRUE(inputs.ok()) << inputs.status();
    EXPECT_EQ(inputs->batch, 4);
    EXPECT_EQ(static_cast<const void*>(inputs->data.data()), request.raw_input_contents(0).data());
    EXPECT_EQ(inputs->data.size(), 24);
  }
  const Request request = Raw("FP32", {2, 6}, std::string(48, '\1'));
  const absl::StatusOr<ModelInputs> inputs = InferFromWire(request, Model(DType::kFloat32));
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->batch, 2);
  EXPECT_EQ(static_cast<const void*>(inputs->data.data()), request.raw_input_contents(0).data());
}

TEST(InferFromWireTest, TakesTypedInputs) {
  absl::StatusOr<ModelInputs> inputs = InferFromWire(TypedBytes({0, 1, 127, 128, 254, 255}), Model(DType::kUint8));
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(BytesOf(*inputs), std::string("\x00\x01\x7f\x80\xfe\xff", 6));

  const Request request = TypedFloats({0, 1, -2.5f, 1e30f, 4, 5});
  inputs = InferFromWire(request, Model(DType::kFloat32));
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(static_cast<const void*>(inputs->data.data()), request.inputs(0).contents().fp32_contents().data());
  EXPECT_EQ(inputs->data.size(), 24);
}

TEST(InferFromWireTest, TheLargestBatchIsThatOfPredict) {
  const Request largest = Raw("UINT8", {4096, 6}, std::string(size_t{4096} * 6, 'x'));
  EXPECT_EQ(InferFromWire(largest, Model(DType::kUint8))->batch, 4096);
  const Request larger = Raw("UINT8", {4097, 6}, std::string(size_t{4097} * 6, 'x'));
  EXPECT_EQ(FieldOf(InferFromWire(larger, Model(DType::kUint8)).status()), "inputs[0].shape");
}

TEST(InferFromWireTest, IgnoresParameters) {
  Request request = TypedBytes({1, 2, 3, 4, 5, 6});
  request.add_outputs()->set_name("label");
  (*request.mutable_parameters())["priority"].set_uint64_param(7);
  (*request.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("region");
  (*request.mutable_outputs(0)->mutable_parameters())["classification"].set_int64_param(3);
  EXPECT_TRUE(InferFromWire(request, Model(DType::kUint8)).ok());
}

TEST(InferFromWireTest, NamesTheFieldThatIsWrong) {
  const std::vector<std::pair<std::string, std::function<void(Request&)>>> table = {
      {"inputs", [](Request& request) { request.clear_inputs(); }},
      {"inputs", [](Request& request) { *request.add_inputs() = request.inputs(0); }},
      {"inputs[0].name", [](Request& request) { request.mutable_inputs(0)->set_name("INPUT0"); }},
      {"inputs[0].datatype", [](Request& request) { request.mutable_inputs(0)->set_datatype("FP32"); }},
      {"inputs[0].datatype", [](Request& request) { request.mutable_inputs(0)->clear_datatype(); }},
      {"inputs[0].shape", [](Request& request) { request.mutable_inputs(0)->clear_shape(); }},
      {"inputs[0].shape", [](Request& request) { request.mutable_inputs(0)->set_shape(0, 0); }},
      {"inputs[0].shape", [](Request& request) { request.mutable_inputs(0)->set_shape(0, -1); }},
      {"inputs[0].shape", [](Request& request) { request.mutable_inputs(0)->set_shape(1, 5); }},
      {"inputs[0].shape", [](Request& request) { request.mutable_inputs(0)->add_shape(1); }},
      {"inputs[0].contents", [](Request& request) { request.mutable_inputs(0)->mutable_contents(); }},
      {"inputs[0].contents", [](Request& request) { request.clear_raw_input_contents(); }},
      {"raw_input_contents", [](Request& request) { request.add_raw_input_contents("more"); }},
      {"raw_input_contents[0]", [](Request& request) { request.mutable_raw_input_contents(0)->push_back('x'); }},
      {"raw_input_contents[0]", [](Request& request) { request.mutable_raw_input_contents(0)->clear(); }},
      {"outputs[0].name", [](Request& request) { request.add_outputs()->set_name("logits"); }},
      {"outputs[1].name",
       [](Request& request) {
         request.add_outputs()->set_name("label");
         request.add_outputs()->set_name("label");
       }},
  };
  for (const auto& [field, spoil] : table) {
    Request request = Raw("UINT8", {2, 6}, std::string(12, 'x'));
    spoil(request);
    const absl::Status status = InferFromWire(request, Model(DType::kUint8)).status();
    EXPECT_EQ(ReasonOf(status), "INVALID_FIELD") << field;
    EXPECT_EQ(FieldOf(status), field) << status;
  }
}

TEST(InferFromWireTest, SaysWhichDatatypeIsExpected) {
  absl::Status status = InferFromWire(TypedFloats({1, 2, 3, 4, 5, 6}), Model(DType::kUint8)).status();
  EXPECT_EQ(status.message(), "inputs[0].datatype must be UINT8, the model's input.dtype");
  status = InferFromWire(TypedBytes({1, 2, 3, 4, 5, 6}), Model(DType::kFloat32)).status();
  EXPECT_EQ(status.message(), "inputs[0].datatype must be FP32, the model's input.dtype");
}

TEST(InferFromWireTest, RefusesTypedInputsThatDoNotFit) {
  const auto field = [](const Request& request, DType dtype) {
    return FieldOf(InferFromWire(request, Model(dtype)).status());
  };
  const std::string numbers = "inputs[0].contents.uint_contents";
  const std::string floats = "inputs[0].contents.fp32_contents";
  EXPECT_EQ(field(TypedBytes({1, 2, 3, 4, 5}), DType::kUint8), numbers);
  EXPECT_EQ(field(TypedBytes({1, 2, 3, 4, 5, 6, 7}), DType::kUint8), numbers);
  EXPECT_EQ(field(TypedBytes({1, 2, 3, 4, 5, 256}), DType::kUint8), numbers);
  EXPECT_EQ(field(TypedBytes({1, 2, 3, 4, 5, std::numeric_limits<uint32_t>::max()}), DType::kUint8), numbers);
  EXPECT_EQ(field(TypedFloats({1, 2, 3, 4, 5}), DType::kFloat32), floats);
  EXPECT_EQ(field(TypedFloats({1, 2, 3, 4, 5, std::nanf("")}), DType::kFloat32), floats);
  EXPECT_EQ(field(TypedFloats({1, 2, 3, 4, 5, INFINITY}), DType::kFloat32), floats);
  Request request = TypedFloats({1, 2, 3, 4, 5, 6});
  request.mutable_inputs(0)->set_datatype("UINT8");
  EXPECT_EQ(field(request, DType::kUint8), numbers);
  const float infinite[6] = {0, 0, 0, 0, 0, -INFINITY};
  EXPECT_EQ(field(Raw("FP32", {1, 6}, {reinterpret_cast<const char*>(infinite), sizeof(infinite)}), DType::kFloat32),
            "raw_input_contents[0]");
}

TEST(VersionFromWireTest, IsANumberOrNothing) {
  EXPECT_EQ(*VersionFromWire("", "version"), std::nullopt);
  EXPECT_EQ(*VersionFromWire("0", "version"), 0);
  EXPECT_EQ(*VersionFromWire("18446744073709551615", "version"), ~uint64_t{0});
  for (const char* bad : {"18446744073709551616", "-1", "+1", " 1", "1 ", "1.0", "0x1", "latest"}) {
    const absl::Status status = VersionFromWire(bad, "model_version").status();
    EXPECT_EQ(FieldOf(status), "model_version") << bad;
    EXPECT_EQ(status.message(), "model_version must be empty or a number in decimal digits");
  }
}

TEST(CheckVersionTest, TellsAnErasedVersionFromAnotherOne) {
  const Snapshot snapshot = {.version = 7, .erased_before = 5};
  EXPECT_TRUE(CheckVersion(std::nullopt, snapshot).ok());
  EXPECT_TRUE(CheckVersion(7, snapshot).ok());
  EXPECT_EQ(ReasonOf(CheckVersion(4, snapshot)), "MODEL_VERSION_ERASED");
  EXPECT_EQ(ReasonOf(CheckVersion(5, snapshot)), "MODEL_VERSION_NOT_SERVED");
  EXPECT_EQ(ReasonOf(CheckVersion(8, snapshot)), "MODEL_VERSION_NOT_SERVED");
  EXPECT_EQ(ReasonOf(CheckVersion(6, {.version = 7})), "MODEL_VERSION_NOT_SERVED");
  const absl::Status status = CheckVersion(4, snapshot);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(), "version 4 of the model is older than an erasure; version 7 is served");
}

// Of a batch with another request's sample before them.
Prediction TwoVerdicts() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = 99;
  snapshot->constituents = {{.shard = 0, .slices = 2}, {.shard = 1, .slices = 1}};
  snapshot->complete_count = 1;
  return {.verdicts = {{.label = 0}, {.label = 2}, {.label = 1}},
          .probabilities = {1, 0, 0, 0.25f, 0.25f, 0.5f, 0, 1, 0},
          .snapshot = std::move(snapshot)};
}

inference::ModelInferResponse Answered(const Request& request) {
  const Prediction prediction = TwoVerdicts();
  inference::ModelInferResponse wire;
  InferToWire(request, {prediction, 1, 2}, Model(DType::kUint8)->spec(), &wire);
  return wire;
}

TEST(InferToWireTest, ATypedRequestHasATypedAnswer) {
  Request request = TypedBytes({});
  request.set_id("seven");
  const inference::ModelInferResponse wire = Answered(request);
  EXPECT_EQ(wire.model_name(), "m");
  EXPECT_EQ(wire.model_version(), "99");
  EXPECT_EQ(wire.id(), "seven");
  EXPECT_EQ(wire.parameters().at("constituents_voting").int64_param(), 2);
  EXPECT_EQ(wire.parameters().at("constituents_clean").int64_param(), 1);
  EXPECT_EQ(wire.parameters().at("constituents_total").int64_param(), 2);
  EXPECT_EQ(wire.raw_output_contents_size(), 0);
  ASSERT_EQ(wire.outputs_size(), 3);
  EXPECT_EQ(wire.outputs(0).ShortDebugString(),
            "name: \"probabilities\" datatype: \"FP32\" shape: 2 shape: 3 "
            "contents { fp32_contents: 0.25 fp32_contents: 0.25 fp32_contents: 0.5 "
            "fp32_contents: 0 fp32_contents: 1 fp32_contents: 0 }");
  EXPECT_EQ(wire.outputs(1).ShortDebugString(),
            "name: \"class_index\" datatype: \"INT64\" shape: 2 contents { int64_contents: 2 int64_contents: 1 }");
  EXPECT_EQ(wire.outputs(2).ShortDebugString(),
            "name: \"label\" datatype: \"BYTES\" shape: 2 "
            "contents { bytes_contents: \"\\\"c\\\"\" bytes_contents: \"bb\" }");
}

TEST(InferToWireTest, ARawRequestHasARawAnswerOfWhatItAsksFor) {
  Request request = Raw("UINT8", {2, 6}, "");
  request.add_outputs()->set_name("label");
  request.add_outputs()->set_name("class_index");
  const inference::ModelInferResponse wire = Answered(request);
  ASSERT_EQ(wire.outputs_size(), 2);
  EXPECT_EQ(wire.outputs(0).name(), "label");
  EXPECT_EQ(wire.outputs(1).name(), "class_index");
  EXPECT_FALSE(wire.outputs(0).has_contents() || wire.outputs(1).has_contents());
  ASSERT_EQ(wire.raw_output_contents_size(), 2);
  EXPECT_EQ(wire.raw_output_contents(0), std::string("\3\0\0\0\"c\"\2\0\0\0bb", 13));
  EXPECT_EQ(wire.raw_output_contents(1), std::string("\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16));
  request.clear_outputs();
  const std::string probabilities = Answered(request).raw_output_contents(0);
  const float wanted[6] = {0.25f, 0.25f, 0.5f, 0, 1, 0};
  EXPECT_EQ(probabilities, std::string(reinterpret_cast<const char*>(wanted), sizeof(wanted)));
}

TEST(MetadataToWireTest, DescribesTheModel) {
  const ModelSpec spec = Model(DType::kFloat32)->spec();
  inference::ModelMetadataResponse wire = MetadataToWire("m", *TwoVerdicts().snapshot, spec);
  EXPECT_EQ(wire.name(), "m");
  ASSERT_EQ(wire.versions_size(), 1);
  EXPECT_EQ(wire.versions(0), "99");
  EXPECT_EQ(wire.inputs(0).ShortDebugString(), "name: \"input\" datatype: \"FP32\" shape: -1 shape: 2 shape: 3");
  EXPECT_EQ(wire.outputs(0).ShortDebugString(), "name: \"probabilities\" datatype: \"FP32\" shape: -1 shape: 3");
  EXPECT_EQ(wire.outputs_size(), 3);
  EXPECT_EQ(wire.properties().at("labels"), "[\"a\",\"bb\",\"\\\"c\\\"\"]");
  EXPECT_EQ(MetadataToWire("m", Snapshot(), spec).versions_size(), 0);
}

}  // namespace
}  // namespace expunge
