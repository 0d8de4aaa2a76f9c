#include "rpc/inference_conversion.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "rpc/conversion.h"
#include "rpc/validation.h"

namespace expunge {
namespace {

constexpr char kInput[] = "input";
constexpr char kRawContents[] = "raw_input_contents";
constexpr char kFloats[] = "inputs[0].contents.fp32_contents";
constexpr char kNumbers[] = "inputs[0].contents.uint_contents";

enum class Output { kProbabilities, kClassIndex, kLabel };
struct OutputKind {
  Output output;
  const char* name;
  const char* datatype;
};
constexpr std::array<OutputKind, 3> kOutputs = {{{Output::kProbabilities, "probabilities", "FP32"},
                                                 {Output::kClassIndex, "class_index", "INT64"},
                                                 {Output::kLabel, "label", "BYTES"}}};

const char* Datatype(DType dtype) { return dtype == DType::kUint8 ? "UINT8" : "FP32"; }

absl::Span<const uint8_t> AsSpan(std::string_view bytes) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

const OutputKind* FindOutput(std::string_view name) {
  const auto found =
      std::find_if(kOutputs.begin(), kOutputs.end(), [name](const OutputKind& kind) { return kind.name == name; });
  return found == kOutputs.end() ? nullptr : &*found;
}

absl::Status ValidateOutputs(const inference::ModelInferRequest& request) {
  std::array<bool, kOutputs.size()> seen = {};
  for (int i = 0; i < request.outputs_size(); ++i) {
    const OutputKind* const kind = FindOutput(request.outputs(i).name());
    const std::string field = absl::StrCat("outputs[", i, "].name");
    if (kind == nullptr) return InvalidField(field, "must be probabilities, class_index or label");
    // Each costs memory for the whole batch, so that their number is bounded.
    if (std::exchange(seen[kind - kOutputs.data()], true)) return InvalidField(field, "must not come twice");
  }
  return absl::OkStatus();
}

absl::Status ValidateCount(size_t count, size_t wanted, std::string_view field) {
  if (count == wanted) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have ", wanted, " elements for this shape, has ", count));
}

// The one blob is read where it lies.
absl::Status ReadRaw(const inference::ModelInferRequest& request, const InputSpec& input, ModelInputs* inputs) {
  if (request.raw_input_contents_size() != 1) {
    return InvalidField(kRawContents, absl::StrCat("must have one entry for each of inputs, which is one, has ",
                                                   request.raw_input_contents_size()));
  }
  const std::string& blob = request.raw_input_contents(0);
  RETURN_IF_ERROR(ValidateData(blob, inputs->batch, input, absl::StrCat(kRawContents, "[0]")));
  inputs->data = AsSpan(blob);
  return absl::OkStatus();
}

// So are floats.
absl::Status ReadTyped(const inference::InferTensorContents& contents, const InputSpec& input, ModelInputs* inputs) {
  const size_t elements = inputs->batch * static_cast<size_t>(input.Elements());
  if (input.dtype == DType::kFloat32) {
    const auto& floats = contents.fp32_contents();
    RETURN_IF_ERROR(ValidateCount(floats.size(), elements, kFloats));
    const std::string_view bytes(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float));
    RETURN_IF_ERROR(ValidateData(bytes, inputs->batch, input, kFloats));
    inputs->data = AsSpan(bytes);
    return absl::OkStatus();
  }
  const auto& numbers = contents.uint_contents();
  RETURN_IF_ERROR(ValidateCount(numbers.size(), elements, kNumbers));
  inputs->copy = std::make_unique_for_overwrite<uint8_t[]>(elements);
  for (size_t i = 0; i < elements; ++i) {
    const uint32_t number = numbers[static_cast<int>(i)];
    if (number > 255) return InvalidField(kNumbers, absl::StrCat("must be at most 255, element ", i, " is not"));
    inputs->copy[i] = static_cast<uint8_t>(number);
  }
  inputs->data = absl::MakeConstSpan(inputs->copy.get(), elements);
  return absl::OkStatus();
}

void AppendLittleEndian(const void* value, size_t bytes, std::string* blob) {
  blob->append(static_cast<const char*>(value), bytes);  // rpc/validation.cc asserts that we are
}

std::string RawOutput(Output output, const Batcher::Answer& answer, const ModelSpec& spec) {
  std::string blob;
  for (size_t i = answer.first; i < answer.first + answer.count; ++i) {
    const int64_t index = answer.prediction.verdicts[i].label;
    const std::string& label = spec.labels[index];
    const uint32_t label_bytes = static_cast<uint32_t>(label.size());
    const absl::Span<const float> probabilities = answer.prediction.ProbabilitiesOf(i);
    switch (output) {
      case Output::kProbabilities:
        AppendLittleEndian(probabilities.data(), probabilities.size() * sizeof(float), &blob);
        break;
      case Output::kClassIndex:
        AppendLittleEndian(&index, sizeof(index), &blob);
        break;
      case Output::kLabel:
        AppendLittleEndian(&label_bytes, sizeof(label_bytes), &blob);
        blob += label;
        break;
    }
  }
  return blob;
}

void AddTypedOutput(Output output, const Batcher::Answer& answer, const ModelSpec& spec,
                    inference::InferTensorContents* contents) {
  for (size_t i = answer.first; i < answer.first + answer.count; ++i) {
    const uint32_t index = answer.prediction.verdicts[i].label;
    const absl::Span<const float> probabilities = answer.prediction.ProbabilitiesOf(i);
    switch (output) {
      case Output::kProbabilities:
        contents->mutable_fp32_contents()->Add(probabilities.begin(), probabilities.end());
        break;
      case Output::kClassIndex:
        contents->add_int64_contents(index);
        break;
      case Output::kLabel:
        contents->add_bytes_contents(spec.labels[index]);
        break;
    }
  }
}

void AddOutput(const OutputKind& kind, bool raw, const Batcher::Answer& answer, const ModelSpec& spec,
               inference::ModelInferResponse* wire) {
  inference::ModelInferResponse::InferOutputTensor* const tensor = wire->add_outputs();
  tensor->set_name(kind.name);
  tensor->set_datatype(kind.datatype);
  tensor->add_shape(static_cast<int64_t>(answer.count));
  if (kind.output == Output::kProbabilities) tensor->add_shape(spec.classes());
  if (raw) {
    wire->add_raw_output_contents(RawOutput(kind.output, answer, spec));
  } else {
    AddTypedOutput(kind.output, answer, spec, tensor->mutable_contents());
  }
}

std::string LabelsAsJson(const ModelSpec& spec) {
  google::protobuf::ListValue list;
  for (const std::string& label : spec.labels) list.add_values()->set_string_value(label);
  std::string json;
  return google::protobuf::util::MessageToJsonString(list, &json).ok() ? json : "";
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> VersionFromWire(std::string_view version, std::string_view field) {
  if (version.empty()) return std::nullopt;
  uint64_t number = 0;
  if (!std::all_of(version.begin(), version.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(ToAbsl(version), &number)) {
    return InvalidField(field, "must be empty or a number in decimal digits");
  }
  return number;
}

absl::Status CheckVersion(std::optional<uint64_t> wanted, const Snapshot& snapshot) {
  if (!wanted || *wanted == snapshot.version) return absl::OkStatus();
  const std::string served = absl::StrCat("; version ", snapshot.version, " is served");
  if (*wanted < snapshot.erased_before) {
    return Error(absl::StatusCode::kFailedPrecondition, "MODEL_VERSION_ERASED",
                 absl::StrCat("version ", *wanted, " of the model is older than an erasure", served));
  }
  return Error(absl::StatusCode::kFailedPrecondition, "MODEL_VERSION_NOT_SERVED",
               absl::StrCat("version ", *wanted, " of the model is not served", served));
}

absl::StatusOr<ModelInputs> InferFromWire(const inference::ModelInferRequest& request,
                                          std::shared_ptr<ModelEntry> model) {
  const InputSpec& input = model->spec().input;
  if (request.inputs_size() != 1) {
    return InvalidField("inputs", absl::StrCat("must have one entry, has ", request.inputs_size()));
  }
  const inference::ModelInferRequest::InferInputTensor& tensor = request.inputs(0);
  if (tensor.name() != kInput) return InvalidField("inputs[0].name", absl::StrCat("must be ", kInput));
  if (tensor.datatype() != Datatype(input.dtype)) {
    return InvalidField("inputs[0].datatype",
                        absl::StrCat("must be ", Datatype(input.dtype), ", the model's input.dtype"));
  }
  const bool raw = request.raw_input_contents_size() > 0;
  if (raw == tensor.has_contents()) {
    return InvalidField("inputs[0].contents", absl::StrCat("must be set if and only if ", kRawContents, " is not"));
  }
  RETURN_IF_ERROR(ValidateOutputs(request));
  ModelInputs inputs;
  ASSIGN_OR_RETURN(inputs.batch, ValidateShape(tensor.shape(), input, "inputs[0].shape"));
  RETURN_IF_ERROR(raw ? ReadRaw(request, input, &inputs) : ReadTyped(tensor.contents(), input, &inputs));
  inputs.model = std::move(model);
  return inputs;
}

void InferToWire(const inference::ModelInferRequest& request, const Batcher::Answer& answer, const ModelSpec& spec,
                 inference::ModelInferResponse* wire) {
  const Snapshot& snapshot = *answer.prediction.snapshot;
  wire->set_model_name(request.model_name());
  wire->set_model_version(absl::StrCat(snapshot.version));
  wire->set_id(request.id());
  auto& parameters = *wire->mutable_parameters();
  parameters["constituents_voting"].set_int64_param(static_cast<int64_t>(snapshot.constituents.size()));
  parameters["constituents_clean"].set_int64_param(snapshot.complete_count);
  parameters["constituents_total"].set_int64_param(spec.sisa.shards);
  const bool raw = request.raw_input_contents_size() > 0;
  for (const auto& output : request.outputs()) AddOutput(*FindOutput(output.name()), raw, answer, spec, wire);
  if (request.outputs().empty()) {
    for (const OutputKind& kind : kOutputs) AddOutput(kind, raw, answer, spec, wire);
  }
}

inference::ModelMetadataResponse MetadataToWire(const std::string& name, const Snapshot& snapshot,
                                                const ModelSpec& spec) {
  inference::ModelMetadataResponse wire;
  wire.set_name(name);
  if (!snapshot.constituents.empty()) wire.add_versions(absl::StrCat(snapshot.version));
  wire.set_platform("expunge_sisa");
  auto* const input = wire.add_inputs();
  input->set_name(kInput);
  input->set_datatype(Datatype(spec.input.dtype));
  input->add_shape(-1);
  for (const int64_t size : spec.input.shape) input->add_shape(size);
  for (const OutputKind& kind : kOutputs) {
    auto* const output = wire.add_outputs();
    output->set_name(kind.name);
    output->set_datatype(kind.datatype);
    output->add_shape(-1);
    if (kind.output == Output::kProbabilities) output->add_shape(spec.classes());
  }
  (*wire.mutable_properties())["labels"] = LabelsAsJson(spec);
  return wire;
}

}  // namespace expunge
