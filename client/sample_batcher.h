#ifndef EXPUNGE_CLIENT_SAMPLE_BATCHER_H_
#define EXPUNGE_CLIENT_SAMPLE_BATCHER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/dataset.h"
#include "expunge/v1/model_service.pb.h"

namespace expunge {

// Makes batches for IngestSamples out of a data set that knows no people: consecutive samples, so many each, belong to
// "person-000000", "person-000001", … and are called "sample-0000000", "sample-0000001", …. Names follow from the place
// in the files alone, so that ingesting again, or in parts, gives the same. Not thread-safe.
class SampleBatcher {
 public:
  struct Options {
    int64_t samples_per_subject = 1;  // at least 1
    std::string subject_prefix = "person-";
    int64_t first = 0;          // index of the first sample to take
    int64_t count = INT64_MAX;  // samples to take; those past the end do not count
  };

  SampleBatcher(std::unique_ptr<IdxDataset> dataset, Options options);

  // Samples and subjects in all.
  int64_t samples() const { return end_ - options_.first; }
  int64_t subjects() const;

  // Fills an empty batch of about 1 MiB, whole subjects where they fit; false at the end.
  absl::StatusOr<bool> Next(v1::SampleBatch* batch);

 private:
  const std::unique_ptr<IdxDataset> dataset_;
  const Options options_;
  const int64_t end_;  // index of the sample after the last
  int64_t batch_samples_;
  std::vector<uint8_t> labels_;
};

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_SAMPLE_BATCHER_H_
