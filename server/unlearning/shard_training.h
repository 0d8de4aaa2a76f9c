#ifndef EXPUNGE_UNLEARNING_SHARD_TRAINING_H_
#define EXPUNGE_UNLEARNING_SHARD_TRAINING_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/model_entry.h"
#include "model/ids.h"
#include "model/trainer.h"
#include "sisa/lineage.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// The membership of one shard at one moment: which samples are to be trained on, and the lineages that follow.
struct ShardMembership {
  uint64_t subjects = 0;                  // with at least one sample stored
  std::vector<uint64_t> stored_samples;   // per slice, also those that wait for the next TrainModel
  std::vector<uint64_t> samples_through;  // per slice r: samples to be trained on in slices 0 .. r
  std::vector<Lineage> lineages;          // per slice
  std::vector<Pseudonym> dead_subjects;   // rows whose key is gone: their samples are none any more
};

// Reads the membership: samples of ingest batches up to `trained_through` whose row's key exists.
absl::StatusOr<ShardMembership> ReadMembership(const ModelEntry& model, uint32_t shard, uint64_t trained_through,
                                               StoreView& view, const Keyring& keyring,
                                               std::string_view numeric_environment);

// The samples of one shard, decrypted, ordered by slice, then by sample key: slices 0 .. r are a prefix. In the
// source dtype: this is what a worker holds in memory while it trains.
struct ShardSamples {
  SampleBlock block;
  std::vector<SampleKey> keys;
  std::vector<uint32_t> slice_ends;  // per slice r: number of samples in slices 0 .. r
};

// Every sample is checked against the digest in the membership: DATA_LOSS (SAMPLE_CORRUPT) when it is another or
// missing.
absl::StatusOr<ShardSamples> LoadSamples(const ModelEntry& model, uint32_t shard, uint64_t trained_through,
                                         StoreView& view, const Keyring& keyring);

// Trains slice `slice` on slices 0 .. slice, from the state after the slice before (or the initial one), on a thread of
// its own that computes only while no other wants the processor; the caller waits. `progress` is told on the caller's
// thread, from time to time and at the end, how much is done, 0 to 1, and returns false to stop before it is done:
// CANCELLED. Pure: the same arguments give the same bits. Returns the CPU seconds that it took. Throws what the trainer
// throws.
absl::StatusOr<double> TrainSlice(const Trainer& trainer, const ModelSpec& spec, uint32_t shard, uint32_t slice,
                                  const ShardSamples& samples, const std::function<bool(double)>& progress,
                                  TrainingState* state);

// CPU seconds of the calling thread so far.
double ThreadCpuSeconds();

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_SHARD_TRAINING_H_
