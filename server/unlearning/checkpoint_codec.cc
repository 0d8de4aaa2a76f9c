#include "unlearning/checkpoint_codec.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

std::string Context(ShardId id, uint32_t slice, std::string_view lineage) {
  return absl::StrCat("checkpoint ", id.model, "/", id.shard, "/", slice, " ", ToAbsl(lineage));
}

absl::Status Corrupt(std::string_view problem) {
  return Error(absl::StatusCode::kDataLoss, "CHECKPOINT_CORRUPT", absl::StrCat("a checkpoint's ", ToAbsl(problem)));
}

std::string FloatBytes(const std::vector<float>& values) {
  static_assert(sizeof(float) == 4);
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

std::vector<float> FloatsFrom(std::string_view bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

}  // namespace

Digest ParametersDigest(const TrainingState& state) { return Sha256(FloatBytes(state.parameters)); }

std::string SealCheckpoint(const DataKey& key, ShardId shard, uint32_t slice, const records::Checkpoint& header,
                           const TrainingState& state) {
  records::CheckpointState record;
  record.set_parameters(FloatBytes(state.parameters));
  record.set_optimizer(FloatBytes(state.optimizer));
  record.set_steps(state.steps);
  return key.Seal(Context(shard, slice, header.lineage()), record.SerializeAsString());
}

absl::StatusOr<TrainingState> ReadCheckpoint(Store& store, const Keyring& keyring, const ModelSpec& spec, ShardId shard,
                                             uint32_t slice, const records::Checkpoint& header) {
  CheckpointKeyId id;
  if (header.key_id().size() != id.size()) return Corrupt("key id must have 16 bytes");
  std::copy(header.key_id().begin(), header.key_id().end(), id.begin());
  ASSIGN_OR_RETURN(const auto key, keyring.GetCheckpointKey(shard, slice, id));
  if (!key) return absl::NotFoundError("the checkpoint's key was destroyed");
  ASSIGN_OR_RETURN(const std::string sealed, store.GetCheckpointState(shard, slice));
  ASSIGN_OR_RETURN(const std::string plaintext, key->Open(Context(shard, slice, header.lineage()), sealed));
  records::CheckpointState record;
  if (!record.ParseFromString(plaintext)) return Corrupt("sealed part does not hold a training state");
  const TrainingState state = {FloatsFrom(record.parameters()), FloatsFrom(record.optimizer()), record.steps()};
  if (header.parameters_digest() != AsBytes(ParametersDigest(state)) ||
      static_cast<int64_t>(state.parameters.size()) != ParameterCount(spec)) {
    return Corrupt("parameters are not those that its header names");
  }
  return state;
}

records::Erasure::CheckpointDigest ToRecord(uint32_t slice, const ShardStatus::Slice& status) {
  records::Erasure::CheckpointDigest digest;
  digest.set_slice(slice);
  digest.set_parameters_digest(std::string(AsBytes(status.parameters_digest)));
  digest.set_lineage(std::string(AsBytes(status.lineage)));
  return digest;
}

}  // namespace expunge
