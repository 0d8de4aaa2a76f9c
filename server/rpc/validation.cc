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

std::string ShapeText(absl::Span<const int64_t> shape) {
  if (shape.size() > kMaxDimensions + 1) return absl::StrCat("of ", shape.size(), " dimensions");
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

bool ShapeFits(absl::Span<const int64_t> shape, const InputSpec& input) {
  if (shape.size() == 2 && shape[1] == input.Elements()) return true;
  return shape.size() == input.shape.size() + 1 && shape.subspan(1) == absl::MakeConstSpan(input.shape);
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

absl::StatusOr<size_t> ValidateShape(absl::Span<const int64_t> shape, const InputSpec& input, std::string_view field) {
  if (!ShapeFits(shape, input)) {
    return InvalidField(field, absl::StrCat("must be [batch, ", absl::StrJoin(input.shape, ", "), "] or [batch, ",
                                            input.Elements(), "], is ", ShapeText(shape)));
  }
  if (shape[0] < 1 || shape[0] > kMaxPredictBatch) {
    return InvalidField(field, absl::StrCat("must have a batch from 1 to ", kMaxPredictBatch, ", has ", shape[0]));
  }
  return static_cast<size_t>(shape[0]);
}

absl::Status ValidateData(std::string_view data, size_t batch, const InputSpec& input, std::string_view field) {
  const size_t bytes = batch * input.SampleBytes();
  if (data.size() != bytes) {
    return InvalidField(field, absl::StrCat("must have ", bytes, " bytes for this shape and dtype, has ", data.size()));
  }
  return ValidateValues(data, input.dtype, field);
}

absl::StatusOr<size_t> ValidateInputs(const v1::Tensor& inputs, const ModelSpec& spec) {
  const InputSpec& input = spec.input;
  if (inputs.dtype() != WireDType(input.dtype)) {
    return InvalidField("inputs.dtype", absl::StrCat("must be ", DTypeText(WireDType(input.dtype)),
                                                     ", the model's input.dtype, is ", DTypeText(inputs.dtype())));
  }
  ASSIGN_OR_RETURN(const size_t batch, ValidateShape(inputs.shape(), input, "inputs.shape"));
  RETURN_IF_ERROR(ValidateData(inputs.data(), batch, input, "inputs.data"));
  return batch;
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
