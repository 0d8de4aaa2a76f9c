#include "client/predict_requests.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/dataset.h"
#include "client/idx.h"
#include "expunge/v1/prediction_service.pb.h"

namespace expunge {
namespace {

constexpr int64_t kRequestBytes = int64_t{16} << 20;  // of all requests
constexpr int64_t kMaxRequests = 256;

// At most `count` inputs, packed.
absl::StatusOr<std::string> ReadInputs(const std::string& path, const v1::Model& model, int64_t count) {
  ASSIGN_OR_RETURN(const std::unique_ptr<IdxReader> images, IdxReader::Open(path));
  RETURN_IF_ERROR(CheckInputsFit(*images, model));
  if (images->count() == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "FILE_MISMATCH",
                 absl::StrCat(path, ": holds 0 images, must be at least 1"));
  }
  std::string inputs(static_cast<size_t>(std::min(count, images->count())) * images->item_bytes(), '\0');
  RETURN_IF_ERROR(images->Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(inputs.data()), inputs.size())).status());
  return inputs;
}

std::string RandomInputs(v1::DType dtype, int64_t elements) {
  std::mt19937 generator(1);
  std::string inputs;
  for (int64_t i = 0; i < elements; ++i) {
    if (dtype == v1::UINT8) {
      inputs += static_cast<char>(generator());
    } else {
      const float value = static_cast<float>(generator()) / static_cast<float>(std::mt19937::max());
      inputs.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
  }
  return inputs;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> PredictRequests(const v1::Model& model, const std::string& images,
                                                         int64_t inputs_per_request) {
  int64_t elements = 1;
  for (const int64_t size : model.input().shape()) elements *= size;
  const int64_t input_bytes = elements * (model.input().dtype() == v1::UINT8 ? 1 : 4);
  const int64_t requests = std::clamp<int64_t>(kRequestBytes / (inputs_per_request * input_bytes), 1, kMaxRequests);
  std::string pool;
  if (images.empty()) {
    pool = RandomInputs(model.input().dtype(), requests * inputs_per_request * elements);
  } else {
    ASSIGN_OR_RETURN(pool, ReadInputs(images, model, requests * inputs_per_request));
  }

  v1::PredictRequest request;
  request.set_model(model.name());
  v1::Tensor& inputs = *request.mutable_inputs();
  inputs.set_dtype(model.input().dtype());
  inputs.add_shape(inputs_per_request);
  inputs.mutable_shape()->MergeFrom(model.input().shape());
  std::vector<std::string> serialized;
  size_t next = 0;
  for (int64_t i = 0; i < requests; ++i) {
    inputs.clear_data();
    for (int64_t k = 0; k < inputs_per_request; ++k, next = (next + input_bytes) % pool.size()) {
      inputs.mutable_data()->append(pool, next, static_cast<size_t>(input_bytes));
    }
    serialized.push_back(request.SerializeAsString());
  }
  return serialized;
}

}  // namespace expunge
