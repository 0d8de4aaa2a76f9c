#ifndef EXPUNGE_CLIENT_DATASET_H_
#define EXPUNGE_CLIENT_DATASET_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/idx.h"
#include "expunge/v1/resources.pb.h"

namespace expunge {

// INVALID_ARGUMENT, reason FILE_MISMATCH, unless the items are inputs of `model`: of its dtype and shape.
absl::Status CheckInputsFit(const IdxReader& images, const v1::Model& model);

// Images and labels of the same samples in two IDX files, read side by side. Not thread-safe.
// Errors: IdxReader's, and INVALID_ARGUMENT with reason FILE_MISMATCH for what does not fit together or to the model:
// counts, shape, dtype, a label that is no class, an element that is not finite. They name the file, the place and the
// bound.
class IdxDataset {
 public:
  static absl::StatusOr<std::unique_ptr<IdxDataset>> Open(const std::string& images_path,
                                                          const std::string& labels_path, const v1::Model& model);

  int64_t count() const { return images_->count(); }
  int64_t position() const { return images_->position(); }  // index of the sample that Read gives next
  size_t input_bytes() const { return images_->item_bytes(); }

  // Reads the next samples, at most `max`, and returns their number: fewer only at the end, 0 after it. `inputs` and
  // `labels` are overwritten.
  absl::StatusOr<size_t> Read(size_t max, std::string* inputs, std::vector<uint8_t>* labels);
  absl::Status Skip(int64_t samples);

 private:
  IdxDataset(std::unique_ptr<IdxReader> images, std::unique_ptr<IdxReader> labels, int classes)
      : images_(std::move(images)), labels_(std::move(labels)), classes_(classes) {}

  absl::Status CheckLabels(int64_t first, const std::vector<uint8_t>& labels) const;
  absl::Status CheckFinite(int64_t first, const std::string& inputs) const;

  const std::unique_ptr<IdxReader> images_;
  const std::unique_ptr<IdxReader> labels_;
  const int classes_;
};

// Reads both files to their ends and returns the number of samples, at least 1. `on_progress` is called with the
// samples read.
absl::StatusOr<int64_t> CheckDataset(const std::string& images_path, const std::string& labels_path,
                                     const v1::Model& model,
                                     const std::function<void(int64_t done, int64_t total)>& on_progress);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_DATASET_H_
