#ifndef EXPUNGE_STORAGE_ROOT_KEYS_H_
#define EXPUNGE_STORAGE_ROOT_KEYS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/write_batch.h"
#include "storage/data_key.h"
#include "storage/master_key.h"
#include "storage/rocks_database.h"

namespace expunge {

// The keys that wrap the keyring's keys, so that the master key is used once at each start. There is one, and during a
// rotation two: each wrapped key names the epoch of its root. Not thread-safe for Add; the rest is const.
class RootKeys {
 public:
  // Reads those that this master key wraps; none when the database is new. FAILED_PRECONDITION, MASTER_KEY_WRONG: there
  // are others alone.
  static absl::StatusOr<RootKeys> Open(const RocksDatabase& database, const MasterKey& master_key);

  bool empty() const { return keys_.empty(); }
  uint32_t newest_epoch() const { return keys_.empty() ? 0 : keys_.rbegin()->first; }

  // A new root of the next epoch, from now on used by Wrap. Its row is staged, wrapped by `master_key`.
  absl::Status Add(const MasterKey& master_key, rocksdb::WriteBatch* batch);
  // Stages rows of all roots, wrapped by another master key.
  absl::Status StageFor(const MasterKey& master_key, rocksdb::WriteBatch* batch) const;

  // `place` is where the wrapped key is kept; it does not unwrap elsewhere. epoch (4) || sealed.
  std::string Wrap(std::string_view place, const DataKey& key) const;
  // DATA_LOSS: SEALED_VALUE_CORRUPT.
  absl::StatusOr<DataKey> Unwrap(std::string_view place, std::string_view wrapped) const;

 private:
  static std::string PlaceOf(uint32_t epoch);

  std::map<uint32_t, DataKey> keys_;  // by epoch
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROOT_KEYS_H_
