#ifndef EXPUNGE_STORAGE_KEYS_H_
#define EXPUNGE_STORAGE_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.h"
#include "storage/keyring.h"

namespace expunge {

// Every RocksDB key of both databases; FORMAT.md is the reference. Integers are big-endian, so that keys sort as their
// numbers do. No key holds personal data or text that a caller gave: RocksDB copies keys into its MANIFEST.
// A Decode function returns false on bytes that its Encode function cannot have made.

// Both databases, default column family.
inline constexpr std::string_view kFormatKey = "FORMAT";

// Main store, default column family.
inline constexpr std::string_view kKeyringMarkKey = "KEYRING";
inline constexpr std::string_view kRestoreTimeKey = "RESTORED";

// Keyring, default column family.
inline constexpr std::string_view kLastModelUidKey = "LAST_MODEL_UID";
inline constexpr std::string_view kGenerationKey = "GENERATION";
inline constexpr std::string_view kLogOriginKey = "LOG_ORIGIN";

// [begin, end). An empty `end` means: to the last key.
struct KeyRange {
  std::string begin;
  std::string end;
};
// All keys that start with `prefix`.
KeyRange PrefixRange(std::string_view prefix);

std::string EncodeUint32(uint32_t value);
std::string EncodeUint64(uint64_t value);
bool DecodeUint32(std::string_view bytes, uint32_t* value);
bool DecodeUint64(std::string_view bytes, uint64_t* value);

// --- Main store: models, and the prefix of samples, membership and checkpoints of one model.
std::string EncodeModelKey(ModelUid model);
bool DecodeModelKey(std::string_view key, ModelUid* model);

// Prefix of samples, membership and checkpoints of one shard.
std::string EncodeShardPrefix(ShardId shard);

// --- Main store: membership, and the prefix of one subject's samples.
std::string EncodeSubjectKey(ShardId shard, const Pseudonym& subject);
bool DecodeSubjectKey(std::string_view key, Pseudonym* subject);

// --- Main store: samples.
std::string EncodeSampleKey(ShardId shard, const Pseudonym& subject, const SampleKey& sample);
bool DecodeSampleKey(std::string_view key, Pseudonym* subject, SampleKey* sample);

// --- Main store: checkpoints.
enum class CheckpointPart : uint8_t { kHeader = 0, kSealedState = 1 };
std::string EncodeCheckpointKey(ShardId shard, uint32_t slice, CheckpointPart part);
bool DecodeCheckpointKey(std::string_view key, uint32_t* slice, CheckpointPart* part);

// --- Keyring: keys.
inline constexpr std::string_view kPepperKey = "P";
std::string EncodeRootKeyKey(uint32_t epoch, std::string_view master_key_id);
bool DecodeRootKeyKey(std::string_view key, uint32_t* epoch, std::string_view* master_key_id);
KeyRange AllRootKeys();
std::string EncodeSubjectDataKeyKey(ModelUid model, const Pseudonym& subject);
std::string EncodeCheckpointDataKeyKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id);
bool DecodeSubjectDataKeyKey(std::string_view key, ModelUid* model, Pseudonym* subject);
KeyRange AllSubjectDataKeys();
KeyRange SubjectDataKeysOf(ModelUid model);
bool DecodeCheckpointDataKeyKey(std::string_view key, CheckpointKeyId* id);
KeyRange AllCheckpointDataKeys();
KeyRange CheckpointDataKeysOf(ModelUid model);
KeyRange CheckpointDataKeysFrom(ShardId shard, uint32_t first_slice);
std::string EncodeRekeyKey(ModelUid model, const Pseudonym& subject);
bool DecodeRekeyKey(std::string_view key, ModelUid* model, Pseudonym* subject);
KeyRange AllRekeys();
KeyRange RekeysOf(ModelUid model);
std::string EncodeDeadModelKey(ModelUid model);
bool DecodeDeadModelKey(std::string_view key, ModelUid* model);
KeyRange AllDeadModels();
std::string EncodeLogMarkKey(ModelUid model);

// --- Keyring: erasures. Four kinds of rows, told apart by their first byte.
std::string EncodeErasureKey(ErasureSequence sequence);
std::string EncodeErasureUuidKey(std::string_view uuid);
std::string EncodeOpenErasureKey(ErasureSequence sequence);
std::string EncodePendingTaskKey(ShardId shard, ErasureSequence sequence);
KeyRange AllErasures();
KeyRange AllOpenErasures();
KeyRange PendingTasksOf(ShardId shard);
// The sequence at the end of an erasure, open-erasure or pending-task key.
bool DecodeTrailingSequence(std::string_view key, ErasureSequence* sequence);

// --- Keyring: suppressions, of a subject or a sample by its name on the list. Model 0: in every model.
std::string EncodeSuppressionKey(const Digest& name, ModelUid model);

// --- Keyring: traces of erasures.
std::string EncodeTracesKey(ErasureSequence sequence);
bool DecodeTracesKey(std::string_view key, ErasureSequence* sequence);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_KEYS_H_
