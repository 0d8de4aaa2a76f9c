#include "storage/merkle_log.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "rocksdb/write_batch.h"
#include "storage/keys.h"
#include "storage/record.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr std::string_view kEntryKind = "an entry of the log";
constexpr std::string_view kNodesKind = "a hash of the log";

std::string EncodeEntry(std::string_view leaf, absl::Time time) {
  std::string value(1, kRecordVersion);
  value += EncodeUint64(static_cast<uint64_t>(absl::ToUnixMicros(time)));
  value += leaf;
  return value;
}

absl::StatusOr<LogEntry> DecodeEntry(uint64_t index, std::string_view value) {
  constexpr size_t kHeader = 1 + sizeof(uint64_t);
  LogEntry entry = {.index = index};
  uint64_t micros = 0;
  if (value.size() < kHeader || value[0] != kRecordVersion ||
      !DecodeUint64(value.substr(1, sizeof(uint64_t)), &micros)) {
    return CorruptStorage(kEntryKind, "is malformed");
  }
  entry.time = absl::FromUnixMicros(static_cast<int64_t>(micros));
  entry.leaf = value.substr(kHeader);
  return entry;
}

// The leaf that completes the node; its row has the hashes of all that it completes, from itself up.
uint64_t CompletedBy(const MerkleNode& node) { return ((node.index + 1) << node.level) - 1; }

absl::StatusOr<uint64_t> StoredSize(const RocksDatabase& database) {
  const std::unique_ptr<rocksdb::Iterator> rows(
      database->NewIterator(rocksdb::ReadOptions(), database.family(kLogEntries)));
  rows->SeekToLast();
  RETURN_IF_ERROR(FromRocks(rows->status(), kEntryKind));
  if (!rows->Valid()) return 0;
  uint64_t last = 0;
  if (!DecodeUint64(rows->key().ToStringView(), &last)) return CorruptStorage(kEntryKind, "has a malformed key");
  return last + 1;
}

absl::StatusOr<Digest> ReadStoredNode(const RocksDatabase& database, const MerkleNode& node) {
  const uint64_t leaf = CompletedBy(node);
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(database, kLogNodes, EncodeUint64(leaf), kNodesKind, &value));
  const std::string_view bytes = value.ToStringView();
  const size_t begin = 1 + node.level * sizeof(Digest);
  if (!found || bytes.size() < begin + sizeof(Digest) || bytes[0] != kRecordVersion) {
    return CorruptStorage(kNodesKind, absl::StrCat("is missing or malformed, at entry ", leaf));
  }
  return DigestFromBytes(bytes.substr(begin, sizeof(Digest)));
}

}  // namespace

void LogBatch::Append(std::string_view leaf, absl::Time time) {
  const std::string key = EncodeUint64(next_index());
  std::string hashes(1, kRecordVersion);
  frontier_.Append(LeafHash(leaf),
                   [&hashes](const MerkleNode&, const Digest& hash) { hashes.append(hash.begin(), hash.end()); });
  batch_->Put(database_.family(kLogEntries), key, EncodeEntry(leaf, time));
  batch_->Put(database_.family(kLogNodes), key, hashes);
}

absl::StatusOr<std::unique_ptr<MerkleLog>> MerkleLog::Open(RocksDatabase* database) {
  ASSIGN_OR_RETURN(const uint64_t size, StoredSize(*database));
  ASSIGN_OR_RETURN(MerkleFrontier frontier, MerkleFrontier::Read(size, [database](const MerkleNode& node) {
                     return ReadStoredNode(*database, node);
                   }));
  return std::unique_ptr<MerkleLog>(new MerkleLog(database, std::move(frontier)));
}

absl::Status MerkleLog::Write(const AppendLeaves& append, const std::function<void(rocksdb::WriteBatch*)>& stage,
                              rocksdb::WriteBatch* batch) {
  const MutexLock writing(&write_mutex_);
  // Where it is not known whether a leaf is on the disk, nobody can say what comes after it.
  RETURN_IF_ERROR(failure_);
  LogBatch leaves(
      *database_,
      [this] {
        const MutexLock lock(&mutex_);
        return frontier_;
      }(),
      batch);
  if (append != nullptr) RETURN_IF_ERROR(append(leaves));
  stage(batch);
  failure_ = database_->Write(batch, /*synced=*/true, kEntryKind);
  RETURN_IF_ERROR(failure_);
  const MutexLock lock(&mutex_);
  frontier_ = std::move(leaves.frontier_);
  return absl::OkStatus();
}

absl::Status MerkleLog::failure() const {
  const MutexLock lock(&write_mutex_);
  return failure_;
}

uint64_t MerkleLog::size() const {
  const MutexLock lock(&mutex_);
  return frontier_.size();
}

LogHead MerkleLog::head() const {
  const MutexLock lock(&mutex_);
  return {frontier_.size(), frontier_.Root()};
}

absl::StatusOr<std::optional<LogEntry>> MerkleLog::Get(uint64_t index) const {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(*database_, kLogEntries, EncodeUint64(index), kEntryKind, &value));
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(LogEntry entry, DecodeEntry(index, value.ToStringView()));
  return std::optional<LogEntry>(std::move(entry));
}

absl::StatusOr<std::vector<LogEntry>> MerkleLog::List(uint64_t first, size_t limit, size_t max_bytes) const {
  std::vector<LogEntry> entries;
  size_t bytes = 0;
  RETURN_IF_ERROR(ScanRows(*database_, kLogEntries, rocksdb::ReadOptions(), {EncodeUint64(first), ""}, kEntryKind,
                           [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                             bytes += value.size();
                             if (entries.size() == limit || (!entries.empty() && bytes > max_bytes)) return false;
                             uint64_t index = 0;
                             if (!DecodeUint64(key, &index)) return CorruptStorage(kEntryKind, "has a malformed key");
                             ASSIGN_OR_RETURN(entries.emplace_back(), DecodeEntry(index, value));
                             return true;
                           }));
  return entries;
}

absl::Status MerkleLog::CheckRange(uint64_t size) const {
  const uint64_t stored = this->size();
  if (size <= stored) return absl::OkStatus();
  return Error(absl::StatusCode::kOutOfRange, "LOG_RANGE", absl::StrCat("the log has ", stored, " entries"));
}

absl::StatusOr<Digest> MerkleLog::ReadNode(const MerkleNode& node) const { return ReadStoredNode(*database_, node); }

absl::StatusOr<Digest> MerkleLog::RootAt(uint64_t size) const {
  RETURN_IF_ERROR(CheckRange(size));
  return expunge::RootAt(size, [this](const MerkleNode& node) { return ReadNode(node); });
}

absl::StatusOr<std::vector<Digest>> MerkleLog::InclusionProof(uint64_t index, uint64_t size) const {
  RETURN_IF_ERROR(CheckRange(size));
  return expunge::InclusionProof(index, size, [this](const MerkleNode& node) { return ReadNode(node); });
}

absl::StatusOr<std::vector<Digest>> MerkleLog::ConsistencyProof(uint64_t first, uint64_t second) const {
  RETURN_IF_ERROR(CheckRange(second));
  return expunge::ConsistencyProof(first, second, [this](const MerkleNode& node) { return ReadNode(node); });
}

absl::Status MerkleLog::Verify() const {
  MerkleFrontier frontier;
  return ScanRows(*database_, kLogEntries, ScanOptions(), {}, kEntryKind,
                  [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                    uint64_t index = 0;
                    const uint64_t expected = frontier.size();
                    if (!DecodeUint64(key, &index)) return CorruptStorage(kEntryKind, "has a malformed key");
                    if (index != expected)
                      return CorruptStorage(kEntryKind, absl::StrCat("is missing: number ", expected));
                    ASSIGN_OR_RETURN(const LogEntry entry, DecodeEntry(index, value));
                    std::vector<std::pair<MerkleNode, Digest>> nodes;
                    frontier.Append(LeafHash(entry.leaf), [&](const MerkleNode& node, const Digest& hash) {
                      nodes.emplace_back(node, hash);
                    });
                    for (const auto& [node, hash] : nodes) {
                      ASSIGN_OR_RETURN(const Digest stored, ReadNode(node));
                      if (stored != hash)
                        return CorruptStorage(kEntryKind, absl::StrCat("was changed: number ", index));
                    }
                    return true;
                  });
}

}  // namespace expunge
