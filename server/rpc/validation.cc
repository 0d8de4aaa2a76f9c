#include "rpc/validation.h"

#include <bit>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors go from the wire to the store and to torch as they are");

constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

v1::DType WireDType(DType dtype) { return dtype == DType::kUint8 ? v1::UINT8 : v1::FLOAT32; }

std::string DTypeText(v1::DType dtype) {
  return v1::DType_IsValid(dtype) ? v1::DType_Name(dtype) : absl::StrCat("number ", static_cast<int>(dtype));
}

// Index of the first NaN or infinity in packed float32, whatever its alignment.
std::optional<size_t> FirstNonFinite(std::string_view floats) {
  constexpr uint32_t kExponent = 0x7f80'0000;
  for (size_t i = 0; i + sizeof(uint32_t) <= floats.size(); i += sizeof(uint32_t)) {
    uint32_t bits;
    std::memcpy(&bits, floats.data() + i, sizeof(bits));
    if ((bits & kExponent) == kExponent) return i / sizeof(uint32_t);
  }
  return std::nullopt;
}

absl::Status ValidateValues(std::string_view data, DType dtype, std::string_view field) {
  if (dtype != DType::kFloat32) return absl::OkStatus();
  const std::optional<size_t> bad = FirstNonFinite(data);
  return bad ? InvalidField(field, absl::StrCat("must hold finite numbers, element ", *bad, " is not"))
             : absl::OkStatus();
}

std::string ShapeText(const v1::Tensor& tensor) {
  if (static_cast<size_t>(tensor.shape_size()) > kMaxDimensions + 1)
    return absl::StrCat("of ", tensor.shape_size(), " dimensions");
  return absl::StrCat("[", absl::StrJoin(tensor.shape(), ", "), "]");
}

bool ShapeFits(const v1::Tensor& inputs, const InputSpec& input) {
  if (inputs.shape_size() == 2 && inputs.shape(1) == input.Elements()) return true;
  return inputs.shape_size() == static_cast<int>(input.shape.size()) + 1 &&
         std::equal(input.shape.begin(), input.shape.end(), inputs.shape().begin() + 1);
}

absl::Status ValidateDescriptor(const v1::SampleDescriptor& sample, int index, const ModelSpec& spec) {
  // The path of the field is put together only when there is an error: this runs for every sample of an ingest.
  const auto field = [index](std::string_view name) {
    return absl::StrCat("batch.samples[", index, "].", ToAbsl(name));
  };
  if (sample.subject_id().empty() || sample.subject_id().size() > kMaxIdBytes) {
    return ValidateId(sample.subject_id(), field("subject_id"));
  }
  if (sample.sample_id().empty() || sample.sample_id().size() > kMaxIdBytes) {
    return ValidateId(sample.sample_id(), field("sample_id"));
  }
  if (sample.label() >= spec.classes()) {
    return InvalidField(field("label"),
                        absl::StrCat("must be from 0 to ", spec.classes() - 1, ", is ", sample.label()));
  }
  if (!v1::ErasureLikelihood_IsValid(sample.erasure_likelihood())) {
    return InvalidField(field("erasure_likelihood"), absl::StrCat("must be LOW, HIGH or unspecified, is number ",
                                                                  static_cast<int>(sample.erasure_likelihood())));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateId(std::string_view id, std::string_view field) {
  if (!id.empty() && id.size() <= kMaxIdBytes) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have from 1 to ", kMaxIdBytes, " bytes, has ", id.size()));
}

absl::StatusOr<size_t> ValidateInputs(const v1::Tensor& inputs, const ModelSpec& spec) {
  const InputSpec& input = spec.input;
  if (inputs.dtype() != WireDType(input.dtype)) {
    return InvalidField("inputs.dtype", absl::StrCat("must be ", DTypeText(WireDType(input.dtype)),
                                                     ", the model's input.dtype, is ", DTypeText(inputs.dtype())));
  }
  if (!ShapeFits(inputs, input)) {
    return InvalidField("inputs.shape", absl::StrCat("must be [batch, ", absl::StrJoin(input.shape, ", "),
                                                     "] or [batch, ", input.Elements(), "], is ", ShapeText(inputs)));
  }
  const int64_t batch = inputs.shape(0);
  if (batch < 1 || batch > kMaxPredictBatch) {
    return InvalidField("inputs.shape",
                        absl::StrCat("must have a batch from 1 to ", kMaxPredictBatch, ", has ", batch));
  }
  const size_t bytes = static_cast<size_t>(batch) * input.SampleBytes();
  if (inputs.data().size() != bytes) {
    return InvalidField("inputs.data", absl::StrCat("must have ", bytes, " bytes for this shape and dtype, has ",
                                                    inputs.data().size()));
  }
  RETURN_IF_ERROR(ValidateValues(inputs.data(), input.dtype, "inputs.data"));
  return static_cast<size_t>(batch);
}

absl::Status ValidateBatch(const v1::SampleBatch& batch, const ModelSpec& spec) {
  if (batch.samples_size() < 1 || batch.samples_size() > kMaxIngestBatch) {
    return InvalidField("batch.samples",
                        absl::StrCat("must have from 1 to ", kMaxIngestBatch, " entries, has ", batch.samples_size()));
  }
  const size_t bytes = static_cast<size_t>(batch.samples_size()) * spec.input.SampleBytes();
  if (batch.inputs().size() != bytes) {
    return InvalidField("batch.inputs",
                        absl::StrCat("must have ", bytes, " bytes for ", batch.samples_size(), " samples of ",
                                     spec.input.SampleBytes(), " bytes, has ", batch.inputs().size()));
  }
  for (int i = 0; i < batch.samples_size(); ++i) RETURN_IF_ERROR(ValidateDescriptor(batch.samples(i), i, spec));
  return ValidateValues(batch.inputs(), spec.input.dtype, "batch.inputs");
}

absl::Status ValidateTimestamp(const google::protobuf::Timestamp& time, std::string_view field) {
  if (time.seconds() >= kFirstSecond && time.seconds() <= kLastSecond && time.nanos() >= 0 &&
      time.nanos() < 1'000'000'000) {
    return absl::OkStatus();
  }
  return InvalidField(field, "must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z");
}

}  // namespace expunge
