#include "storage/keys.h"

#include <cstring>
#include <initializer_list>

namespace expunge {
namespace {

constexpr std::string_view kErasure = "e";
constexpr std::string_view kErasureByUuid = "u";
constexpr std::string_view kOpenErasure = "o";
constexpr std::string_view kPendingTask = "p";

constexpr std::string_view kSubjectDataKey = "S";
constexpr std::string_view kCheckpointDataKey = "C";
constexpr std::string_view kRekey = "X";
constexpr std::string_view kRootKey = "R";
constexpr std::string_view kDeadModel = "D";
constexpr std::string_view kLogMark = "M";

constexpr size_t kShardBytes = 8;
constexpr size_t kSubjectKeyBytes = kShardBytes + sizeof(Pseudonym);
constexpr size_t kSampleKeyBytes = kSubjectKeyBytes + sizeof(SampleKey);
constexpr size_t kCheckpointKeyBytes = kShardBytes + 5;
constexpr size_t kMasterKeyIdBytes = 8;

std::string Concat(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts) joined.append(part);
  return joined;
}

template <typename Integer>
std::string EncodeInteger(Integer value) {
  std::string bytes(sizeof(value), '\0');
  for (size_t i = 0; i < sizeof(value); ++i) bytes[i] = static_cast<char>(value >> (8 * (sizeof(value) - 1 - i)));
  return bytes;
}

template <typename Integer>
bool DecodeInteger(std::string_view bytes, Integer* value) {
  if (bytes.size() != sizeof(*value)) return false;
  *value = 0;
  for (const char byte : bytes) *value = (*value << 8) | static_cast<uint8_t>(byte);
  return true;
}

// One letter, a model, a subject.
bool DecodeModelAndSubject(std::string_view key, ModelUid* model, Pseudonym* subject) {
  if (key.size() != 1 + sizeof(*model) + subject->size()) return false;
  std::memcpy(subject->data(), key.data() + 1 + sizeof(*model), subject->size());
  return DecodeInteger(key.substr(1, sizeof(*model)), model);
}

}  // namespace

KeyRange PrefixRange(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) ++end.back();
  return {std::string(prefix), end};
}

std::string EncodeUint32(uint32_t value) { return EncodeInteger(value); }
std::string EncodeUint64(uint64_t value) { return EncodeInteger(value); }
bool DecodeUint32(std::string_view bytes, uint32_t* value) { return DecodeInteger(bytes, value); }
bool DecodeUint64(std::string_view bytes, uint64_t* value) { return DecodeInteger(bytes, value); }

std::string EncodeModelKey(ModelUid model) { return EncodeUint32(model); }
bool DecodeModelKey(std::string_view key, ModelUid* model) { return DecodeUint32(key, model); }

std::string EncodeShardPrefix(ShardId shard) { return Concat({EncodeUint32(shard.model), EncodeUint32(shard.shard)}); }

std::string EncodeSubjectKey(ShardId shard, const Pseudonym& subject) {
  return Concat({EncodeShardPrefix(shard), AsBytes(subject)});
}

bool DecodeSubjectKey(std::string_view key, Pseudonym* subject) {
  if (key.size() != kSubjectKeyBytes) return false;
  std::memcpy(subject->data(), key.data() + kShardBytes, subject->size());
  return true;
}

std::string EncodeSampleKey(ShardId shard, const Pseudonym& subject, const SampleKey& sample) {
  return Concat({EncodeSubjectKey(shard, subject), AsBytes(sample)});
}

bool DecodeSampleKey(std::string_view key, Pseudonym* subject, SampleKey* sample) {
  if (key.size() != kSampleKeyBytes || !DecodeSubjectKey(key.substr(0, kSubjectKeyBytes), subject)) return false;
  std::memcpy(sample->data(), key.data() + kSubjectKeyBytes, sample->size());
  return true;
}

std::string EncodeCheckpointKey(ShardId shard, uint32_t slice, CheckpointPart part) {
  return Concat({EncodeShardPrefix(shard), EncodeUint32(slice), std::string(1, static_cast<char>(part))});
}

bool DecodeCheckpointKey(std::string_view key, uint32_t* slice, CheckpointPart* part) {
  if (key.size() != kCheckpointKeyBytes || !DecodeUint32(key.substr(kShardBytes, sizeof(*slice)), slice)) return false;
  *part = static_cast<CheckpointPart>(key.back());
  return *part == CheckpointPart::kHeader || *part == CheckpointPart::kSealedState;
}

std::string EncodeErasureKey(ErasureSequence sequence) { return Concat({kErasure, EncodeUint64(sequence)}); }
std::string EncodeErasureUuidKey(std::string_view uuid) { return Concat({kErasureByUuid, uuid}); }
std::string EncodeOpenErasureKey(ErasureSequence sequence) { return Concat({kOpenErasure, EncodeUint64(sequence)}); }
std::string EncodePendingTaskKey(ShardId shard, ErasureSequence sequence) {
  return Concat({kPendingTask, EncodeShardPrefix(shard), EncodeUint64(sequence)});
}

KeyRange AllErasures() { return PrefixRange(kErasure); }
KeyRange AllOpenErasures() { return PrefixRange(kOpenErasure); }
KeyRange PendingTasksOf(ShardId shard) { return PrefixRange(Concat({kPendingTask, EncodeShardPrefix(shard)})); }

bool DecodeTrailingSequence(std::string_view key, ErasureSequence* sequence) {
  return key.size() > sizeof(*sequence) && DecodeUint64(key.substr(key.size() - sizeof(*sequence)), sequence);
}

std::string EncodeSuppressionKey(const Digest& name, ModelUid model) {
  return Concat({AsBytes(name), EncodeUint32(model)});
}

std::string EncodeTracesKey(ErasureSequence sequence) { return EncodeUint64(sequence); }
bool DecodeTracesKey(std::string_view key, ErasureSequence* sequence) { return DecodeUint64(key, sequence); }

std::string EncodeRootKeyKey(uint32_t epoch, std::string_view master_key_id) {
  return Concat({kRootKey, EncodeUint32(epoch), master_key_id});
}

bool DecodeRootKeyKey(std::string_view key, uint32_t* epoch, std::string_view* master_key_id) {
  if (key.size() != kRootKey.size() + sizeof(*epoch) + kMasterKeyIdBytes) return false;
  *master_key_id = key.substr(kRootKey.size() + sizeof(*epoch));
  return DecodeUint32(key.substr(kRootKey.size(), sizeof(*epoch)), epoch);
}

KeyRange AllRootKeys() { return PrefixRange(kRootKey); }

std::string EncodeDeadModelKey(ModelUid model) { return Concat({kDeadModel, EncodeUint32(model)}); }
bool DecodeDeadModelKey(std::string_view key, ModelUid* model) {
  return key.size() == 1 + sizeof(*model) && DecodeUint32(key.substr(1), model);
}
KeyRange AllDeadModels() { return PrefixRange(kDeadModel); }

std::string EncodeLogMarkKey(ModelUid model) { return Concat({kLogMark, EncodeUint32(model)}); }

std::string EncodeRekeyKey(ModelUid model, const Pseudonym& subject) {
  return Concat({kRekey, EncodeUint32(model), AsBytes(subject)});
}

bool DecodeRekeyKey(std::string_view key, ModelUid* model, Pseudonym* subject) {
  return DecodeModelAndSubject(key, model, subject);
}

KeyRange AllRekeys() { return PrefixRange(kRekey); }
KeyRange RekeysOf(ModelUid model) { return PrefixRange(Concat({kRekey, EncodeUint32(model)})); }

std::string EncodeSubjectDataKeyKey(ModelUid model, const Pseudonym& subject) {
  return Concat({kSubjectDataKey, EncodeUint32(model), AsBytes(subject)});
}

std::string EncodeCheckpointDataKeyKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id) {
  return Concat({kCheckpointDataKey, EncodeShardPrefix(shard), EncodeUint32(slice), AsBytes(id)});
}

bool DecodeSubjectDataKeyKey(std::string_view key, ModelUid* model, Pseudonym* subject) {
  return DecodeModelAndSubject(key, model, subject);
}

bool DecodeCheckpointDataKeyKey(std::string_view key, CheckpointKeyId* id) {
  if (key.size() != kCheckpointDataKey.size() + kShardBytes + sizeof(uint32_t) + id->size()) return false;
  std::memcpy(id->data(), key.data() + key.size() - id->size(), id->size());
  return true;
}

KeyRange AllSubjectDataKeys() { return PrefixRange(kSubjectDataKey); }
KeyRange AllCheckpointDataKeys() { return PrefixRange(kCheckpointDataKey); }
KeyRange SubjectDataKeysOf(ModelUid model) { return PrefixRange(Concat({kSubjectDataKey, EncodeUint32(model)})); }

KeyRange CheckpointDataKeysOf(ModelUid model) { return PrefixRange(Concat({kCheckpointDataKey, EncodeUint32(model)})); }

KeyRange CheckpointDataKeysFrom(ShardId shard, uint32_t first_slice) {
  const std::string prefix = Concat({kCheckpointDataKey, EncodeShardPrefix(shard)});
  return {Concat({prefix, EncodeUint32(first_slice)}), PrefixRange(prefix).end};
}

}  // namespace expunge
