#ifndef EXPUNGE_UNLEARNING_CHECKPOINT_CODEC_H_
#define EXPUNGE_UNLEARNING_CHECKPOINT_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "catalog/model_entry.h"
#include "model/ids.h"
#include "model/spec.h"
#include "model/trainer.h"
#include "storage/keyring.h"
#include "storage/store.h"

namespace expunge {

// A checkpoint's sealed form, which opens in its own place alone: this shard, this slice, this lineage.
std::string SealCheckpoint(const DataKey& key, ShardId shard, uint32_t slice, const records::Checkpoint& header,
                           const TrainingState& state);

// Reads, opens and checks a checkpoint's state. NOT_FOUND: its key was destroyed, or there is no state. DATA_LOSS:
// CHECKPOINT_CORRUPT, SEALED_VALUE_CORRUPT, STORAGE_CORRUPT.
absl::StatusOr<TrainingState> ReadCheckpoint(Store& store, const Keyring& keyring, const ModelSpec& spec, ShardId shard,
                                             uint32_t slice, const records::Checkpoint& header);

// What an erasure's record says of a checkpoint.
records::Erasure::CheckpointDigest ToRecord(uint32_t slice, const ShardStatus::Slice& status);

// SHA-256 over the parameters as little-endian float32.
Digest ParametersDigest(const TrainingState& state);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_CHECKPOINT_CODEC_H_
