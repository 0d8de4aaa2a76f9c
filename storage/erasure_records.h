#ifndef EXPUNGE_STORAGE_ERASURE_RECORDS_H_
#define EXPUNGE_STORAGE_ERASURE_RECORDS_H_

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "expunge/storage/v1/records.pb.h"
#include "model/ids.h"
#include "storage/merkle_log.h"

namespace rocksdb {
class WriteBatch;
}  // namespace rocksdb

namespace expunge {

namespace records = storage::v1;

class RocksDatabase;

// Not final: PENDING, IN_PROGRESS, and FAILED, which goes on when it is retried or when its shard is trained after all.
bool IsUnfinished(const records::Erasure& erasure);

// Every erasure there ever was, in the keyring's database: what kept nobody's data, and must never be older than the
// keys. Thread-safe, but the writers of one record are to be serialized by the caller. A new one is written by
// Keyring::RecordErasures. Errors: those of Keyring.
class ErasureRecords {
 public:
  ErasureRecords(RocksDatabase* database, MerkleLog* log) : database_(database), log_(log) {}

  absl::StatusOr<std::optional<records::Erasure>> Find(std::string_view uuid) const;
  absl::StatusOr<std::optional<records::Erasure>> Get(ErasureSequence sequence) const;
  absl::StatusOr<ErasureSequence> Last() const;  // 0: none

  // Ascending from `first`, until `visit` returns false.
  absl::Status Scan(ErasureSequence first, const std::function<bool(const records::Erasure&)>& visit) const;
  // Unfinished ones, ascending.
  absl::Status ScanUnfinished(const std::function<bool(const records::Erasure&)>& visit) const;
  // Unfinished ones with a task in this shard that is not retrained yet, ascending.
  absl::StatusOr<std::vector<ErasureSequence>> PendingIn(ShardId shard) const;

  // Rewrites the records, one atomic write; the marks of what is unfinished and pending follow. `reclaimed`: traces are
  // no longer needed. With `append` the write is synced, and the records are taken after it was called.
  absl::Status Update(absl::Span<const records::Erasure> erasures, bool synced,
                      absl::Span<const ErasureSequence> reclaimed = {}, const AppendLeaves& append = nullptr);

  // --- for Keyring
  void Stage(const records::Erasure& erasure, rocksdb::WriteBatch* batch) const;

 private:
  RocksDatabase* const database_;
  MerkleLog* const log_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ERASURE_RECORDS_H_
