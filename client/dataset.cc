#include "client/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

constexpr size_t kCheckBytes = size_t{1} << 20;

absl::Status Mismatch(const std::string& path, std::string_view problem) {
  return Error(absl::StatusCode::kInvalidArgument, "FILE_MISMATCH", absl::StrCat(path, ": ", ToAbsl(problem)));
}

}  // namespace

absl::Status CheckInputsFit(const IdxReader& images, const v1::Model& model) {
  const v1::DType dtype = images.type() == IdxType::kUint8 ? v1::UINT8 : v1::FLOAT32;
  if (dtype != model.input().dtype()) {
    return Mismatch(images.path(),
                    absl::StrCat("its elements are ", v1::DType_Name(dtype), ", must be ",
                                 v1::DType_Name(model.input().dtype()), " as ", model.name(), " declares"));
  }
  if (!absl::c_equal(images.shape(), model.input().shape())) {
    return Mismatch(images.path(),
                    absl::StrCat("its items have the shape [", absl::StrJoin(images.shape(), ", "), "], must be [",
                                 absl::StrJoin(model.input().shape(), ", "), "] as ", model.name(), " declares"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<IdxDataset>> IdxDataset::Open(const std::string& images_path,
                                                             const std::string& labels_path, const v1::Model& model) {
  ASSIGN_OR_RETURN(auto images, IdxReader::Open(images_path));
  ASSIGN_OR_RETURN(auto labels, IdxReader::Open(labels_path));
  RETURN_IF_ERROR(CheckInputsFit(*images, model));
  if (labels->type() != IdxType::kUint8 || !labels->shape().empty()) {
    return Mismatch(labels_path, "holds no labels: it must have unsigned bytes in one dimension");
  }
  if (images->count() != labels->count()) {
    return Mismatch(labels_path, absl::StrCat("holds ", labels->count(), " labels, must be ", images->count(),
                                              ", one for each image in ", images_path));
  }
  return std::unique_ptr<IdxDataset>(new IdxDataset(std::move(images), std::move(labels), model.labels_size()));
}

absl::StatusOr<size_t> IdxDataset::Read(size_t max, std::string* inputs, std::vector<uint8_t>* labels) {
  const int64_t first = position();
  const size_t wanted = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(max), count() - first));
  inputs->resize(wanted * input_bytes());
  labels->resize(wanted);
  RETURN_IF_ERROR(images_->Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(inputs->data()), inputs->size())).status());
  RETURN_IF_ERROR(labels_->Read(absl::MakeSpan(*labels)).status());
  RETURN_IF_ERROR(CheckLabels(first, *labels));
  if (images_->type() == IdxType::kFloat32) RETURN_IF_ERROR(CheckFinite(first, *inputs));
  return wanted;
}

absl::Status IdxDataset::Skip(int64_t samples) {
  RETURN_IF_ERROR(images_->Skip(samples));
  return labels_->Skip(samples);
}

absl::Status IdxDataset::CheckLabels(int64_t first, const std::vector<uint8_t>& labels) const {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < classes_) continue;
    return Mismatch(labels_->path(),
                    absl::StrCat("label ", labels[i], " at byte ", labels_->OffsetOf(first + static_cast<int64_t>(i)),
                                 " must be below the model's number of classes, ", classes_));
  }
  return absl::OkStatus();
}

absl::Status IdxDataset::CheckFinite(int64_t first, const std::string& inputs) const {
  for (size_t i = 0; i + sizeof(float) <= inputs.size(); i += sizeof(float)) {
    float value;
    std::memcpy(&value, inputs.data() + i, sizeof(value));
    if (!std::isfinite(value)) {
      return Mismatch(
          images_->path(),
          absl::StrCat("the float at byte ", images_->OffsetOf(first) + static_cast<int64_t>(i), " must be finite"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CheckDataset(const std::string& images_path, const std::string& labels_path,
                                     const v1::Model& model,
                                     const std::function<void(int64_t done, int64_t total)>& on_progress) {
  ASSIGN_OR_RETURN(const auto dataset, IdxDataset::Open(images_path, labels_path, model));
  if (dataset->count() == 0) return Mismatch(images_path, "holds 0 images, must be at least 1");
  const size_t batch = std::max<size_t>(1, kCheckBytes / dataset->input_bytes());
  std::string inputs;
  std::vector<uint8_t> labels;
  for (;;) {
    ASSIGN_OR_RETURN(const size_t got, dataset->Read(batch, &inputs, &labels));
    if (got == 0) return dataset->count();
    on_progress(dataset->position(), dataset->count());
  }
}

}  // namespace expunge
