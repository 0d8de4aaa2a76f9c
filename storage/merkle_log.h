#ifndef EXPUNGE_STORAGE_MERKLE_LOG_H_
#define EXPUNGE_STORAGE_MERKLE_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "proof/merkle.h"

namespace rocksdb {
class WriteBatch;
}  // namespace rocksdb

namespace expunge {

class RocksDatabase;

// One leaf of the log.
struct LogEntry {
  uint64_t index = 0;  // from 0
  absl::Time time;     // when it was appended; not covered by the hash
  std::string leaf;    // what is hashed
};

struct LogHead {
  uint64_t size = 0;
  Digest root = {};
};

// What one write adds to the log.
class LogBatch {
 public:
  uint64_t next_index() const { return frontier_.size(); }  // of the next leaf
  void Append(std::string_view leaf, absl::Time time);

 private:
  friend class MerkleLog;
  LogBatch(const RocksDatabase& database, MerkleFrontier frontier, rocksdb::WriteBatch* batch)
      : database_(database), frontier_(std::move(frontier)), batch_(batch) {}

  const RocksDatabase& database_;
  MerkleFrontier frontier_;
  rocksdb::WriteBatch* const batch_;
};

// Adds leaves to a write, and may still change what the write is made from: it knows their indexes. Must not call the
// log. Its error ends the write.
using AppendLeaves = std::function<absl::Status(LogBatch&)>;

// The append-only Merkle log (RFC 6962) of what was done to whom, in the keyring's database: a leaf is written in the
// same atomic write as the change that it records, and neither is ever older than the keys. Each leaf is stored with
// the hashes of the subtrees that it completes, so that appending and proving are O(log n) and memory does not grow.
// Thread-safe. Errors: those of Keyring.
class MerkleLog {
 public:
  static absl::StatusOr<std::unique_ptr<MerkleLog>> Open(RocksDatabase* database);  // not owned

  // Synced. One at a time, in the order of the leaves; after one that failed no other is made. `append` may be null.
  absl::Status Write(const AppendLeaves& append, const std::function<void(rocksdb::WriteBatch*)>& stage,
                     rocksdb::WriteBatch* batch);

  // The error that latched; a write that `append` refused is none.
  absl::Status failure() const;

  uint64_t size() const;
  LogHead head() const;

  absl::StatusOr<std::optional<LogEntry>> Get(uint64_t index) const;
  // At most `limit` entries from `first` on, whose leaves have at most `max_bytes` together, but one at least.
  absl::StatusOr<std::vector<LogEntry>> List(uint64_t first, size_t limit, size_t max_bytes) const;

  absl::StatusOr<Digest> RootAt(uint64_t size) const;  // OUT_OF_RANGE, LOG_RANGE
  absl::StatusOr<std::vector<Digest>> InclusionProof(uint64_t index, uint64_t size) const;
  absl::StatusOr<std::vector<Digest>> ConsistencyProof(uint64_t first, uint64_t second) const;

  // Reads all of it and computes every hash anew: DATA_LOSS, STORAGE_CORRUPT, names the first entry that is not what
  // the log says.
  absl::Status Verify() const;

 private:
  MerkleLog(RocksDatabase* database, MerkleFrontier frontier) : database_(database), frontier_(std::move(frontier)) {}
  absl::StatusOr<Digest> ReadNode(const MerkleNode& node) const;
  absl::Status CheckRange(uint64_t size) const;

  RocksDatabase* const database_;
  mutable Mutex write_mutex_;  // held over the write
  absl::Status failure_ ABSL_GUARDED_BY(write_mutex_);
  mutable Mutex mutex_;
  MerkleFrontier frontier_ ABSL_GUARDED_BY(mutex_);  // of what is written
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_MERKLE_LOG_H_
