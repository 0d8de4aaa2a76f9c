#include "client/sample_batcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

constexpr int64_t kBatchBytes = int64_t{1} << 20;
constexpr int64_t kMaxBatchSamples = 65'536;  // the API's bound
constexpr int64_t kDescriptorBytes = 48;      // of one sample on the wire, about

}  // namespace

SampleBatcher::SampleBatcher(std::unique_ptr<IdxDataset> dataset, Options options)
    : dataset_(std::move(dataset)),
      options_(std::move(options)),
      end_(options_.first + std::min(options_.count, std::max<int64_t>(0, dataset_->count() - options_.first))) {
  const int64_t sample_bytes = static_cast<int64_t>(dataset_->input_bytes()) + kDescriptorBytes;
  batch_samples_ = std::clamp<int64_t>(kBatchBytes / sample_bytes, 1, kMaxBatchSamples);
  if (batch_samples_ > options_.samples_per_subject) batch_samples_ -= batch_samples_ % options_.samples_per_subject;
}

int64_t SampleBatcher::subjects() const {
  if (samples() == 0) return 0;
  return (end_ - 1) / options_.samples_per_subject - options_.first / options_.samples_per_subject + 1;
}

absl::StatusOr<bool> SampleBatcher::Next(v1::SampleBatch* batch) {
  const int64_t first = std::max(options_.first, dataset_->position());
  if (first >= end_) return false;
  RETURN_IF_ERROR(dataset_->Skip(first - dataset_->position()));
  // Up to the next multiple, so that subjects stay whole even when the range begins in the middle of one.
  const int64_t stop = std::min(end_, (first / batch_samples_ + 1) * batch_samples_);
  ASSIGN_OR_RETURN(const size_t count,
                   dataset_->Read(static_cast<size_t>(stop - first), batch->mutable_inputs(), &labels_));
  batch->mutable_samples()->Reserve(static_cast<int>(count));
  for (size_t i = 0; i < count; ++i) {
    const int64_t index = first + static_cast<int64_t>(i);
    v1::SampleDescriptor* sample = batch->add_samples();
    sample->set_subject_id(
        absl::StrCat(options_.subject_prefix, absl::Dec(index / options_.samples_per_subject, absl::kZeroPad6)));
    sample->set_sample_id(absl::StrCat("sample-", absl::Dec(index, absl::kZeroPad7)));
    sample->set_label(labels_[i]);
  }
  return count > 0;
}

}  // namespace expunge
