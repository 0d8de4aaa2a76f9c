#include "storage/root_keys.h"

#include <openssl/crypto.h>

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "storage/keys.h"
#include "storage/record.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr std::string_view kKind = "the keyring's root key";

absl::Status Corrupt() {
  return Error(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT", "a wrapped key names a root key that is not there");
}

}  // namespace

std::string RootKeys::PlaceOf(uint32_t epoch) { return "root key " + EncodeUint32(epoch); }

absl::StatusOr<RootKeys> RootKeys::Open(const RocksDatabase& database, const MasterKey& master_key) {
  RootKeys roots;
  bool any = false;
  const std::string id = master_key.id();
  RETURN_IF_ERROR(ScanRows(database, kKeys, rocksdb::ReadOptions(), AllRootKeys(), kKind,
                           [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                             uint32_t epoch = 0;
                             std::string_view wrapped_by;
                             if (!DecodeRootKeyKey(key, &epoch, &wrapped_by)) {
                               return CorruptStorage(kKind, "has a malformed key");
                             }
                             any = true;
                             if (wrapped_by != id) return true;
                             ASSIGN_OR_RETURN(const std::string_view wrapped, UnframeSealed(kKind, value));
                             ASSIGN_OR_RETURN(DataKey root, master_key.Unwrap(PlaceOf(epoch), wrapped));
                             roots.keys_.emplace(epoch, std::move(root));
                             return true;
                           }));
  if (any && roots.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_WRONG",
                 "the master key is not the one that this keyring is locked with");
  }
  return roots;
}

absl::Status RootKeys::Add(const MasterKey& master_key, rocksdb::WriteBatch* batch) {
  const uint32_t epoch = newest_epoch() + 1;
  DataKey root = DataKey::Random();
  ASSIGN_OR_RETURN(const std::string wrapped, master_key.Wrap(PlaceOf(epoch), root));
  RETURN_IF_ERROR(FromRocks(batch->Put(EncodeRootKeyKey(epoch, master_key.id()), FrameSealed(wrapped)), kKind));
  keys_.emplace(epoch, std::move(root));
  return absl::OkStatus();
}

absl::Status RootKeys::StageFor(const MasterKey& master_key, rocksdb::WriteBatch* batch) const {
  for (const auto& [epoch, root] : keys_) {
    ASSIGN_OR_RETURN(const std::string wrapped, master_key.Wrap(PlaceOf(epoch), root));
    RETURN_IF_ERROR(FromRocks(batch->Put(EncodeRootKeyKey(epoch, master_key.id()), FrameSealed(wrapped)), kKind));
  }
  return absl::OkStatus();
}

std::string RootKeys::Wrap(std::string_view place, const DataKey& key) const {
  const auto& [epoch, root] = *keys_.rbegin();
  return EncodeUint32(epoch) + root.Seal(place, key.bytes());
}

absl::StatusOr<DataKey> RootKeys::Unwrap(std::string_view place, std::string_view wrapped) const {
  uint32_t epoch = 0;
  if (wrapped.size() < sizeof(epoch) || !DecodeUint32(wrapped.substr(0, sizeof(epoch)), &epoch)) return Corrupt();
  const auto root = keys_.find(epoch);
  if (root == keys_.end()) return Corrupt();
  ASSIGN_OR_RETURN(std::string bytes, root->second.Open(place, wrapped.substr(sizeof(epoch))));
  absl::StatusOr<DataKey> key = DataKey::FromBytes(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

}  // namespace expunge
