#include "storage/erasure_records.h"

#include <memory>
#include <string>

#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/keys.h"
#include "storage/record.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr std::string_view kKind = "an erasure";

}  // namespace

bool IsUnfinished(const records::Erasure& erasure) {
  return erasure.state() == records::Erasure::PENDING || erasure.state() == records::Erasure::IN_PROGRESS ||
         erasure.state() == records::Erasure::FAILED;
}

absl::StatusOr<std::optional<records::Erasure>> ErasureRecords::Get(ErasureSequence sequence) const {
  return GetRecord<records::Erasure>(*database_, kErasures, EncodeErasureKey(sequence), kKind);
}

absl::StatusOr<std::optional<records::Erasure>> ErasureRecords::Find(std::string_view uuid) const {
  rocksdb::PinnableSlice value;
  ASSIGN_OR_RETURN(const bool found, GetRow(*database_, kErasures, EncodeErasureUuidKey(uuid), kKind, &value));
  if (!found) return std::nullopt;
  ErasureSequence sequence = 0;
  if (!DecodeUint64(value.ToStringView(), &sequence)) return CorruptStorage(kKind, "has a malformed number");
  ASSIGN_OR_RETURN(auto erasure, Get(sequence));
  if (!erasure.has_value()) return CorruptStorage(kKind, "is missing, though its name is known");
  return erasure;
}

absl::StatusOr<ErasureSequence> ErasureRecords::Last() const {
  const KeyRange all = AllErasures();
  const rocksdb::Slice begin(all.begin), end(all.end);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &begin;
  options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> rows((*database_)->NewIterator(options, database_->family(kErasures)));
  rows->SeekToLast();
  RETURN_IF_ERROR(FromRocks(rows->status(), kKind));
  ErasureSequence sequence = 0;
  if (rows->Valid() && !DecodeTrailingSequence(rows->key().ToStringView(), &sequence)) {
    return CorruptStorage(kKind, "has a malformed key");
  }
  return sequence;
}

absl::Status ErasureRecords::Scan(ErasureSequence first,
                                  const std::function<bool(const records::Erasure&)>& visit) const {
  records::Erasure erasure;
  return ScanRows(*database_, kErasures, ScanOptions(), {EncodeErasureKey(first), AllErasures().end}, kKind,
                  [&](std::string_view, std::string_view value) -> absl::StatusOr<bool> {
                    RETURN_IF_ERROR(DecodeRecord(kKind, value, &erasure));
                    return visit(erasure);
                  });
}

absl::Status ErasureRecords::ScanUnfinished(const std::function<bool(const records::Erasure&)>& visit) const {
  return ScanRows(*database_, kErasures, rocksdb::ReadOptions(), AllOpenErasures(), kKind,
                  [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                    ErasureSequence sequence = 0;
                    if (!DecodeTrailingSequence(key, &sequence)) return CorruptStorage(kKind, "has a malformed key");
                    ASSIGN_OR_RETURN(const auto erasure, Get(sequence));
                    if (!erasure.has_value()) return CorruptStorage(kKind, "is missing, though it is open");
                    return !IsUnfinished(*erasure) || visit(*erasure);  // it may have ended since the scan began
                  });
}

absl::StatusOr<std::vector<ErasureSequence>> ErasureRecords::PendingIn(ShardId shard) const {
  std::vector<ErasureSequence> pending;
  RETURN_IF_ERROR(ScanRows(*database_, kErasures, rocksdb::ReadOptions(), PendingTasksOf(shard), kKind,
                           [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
                             if (!DecodeTrailingSequence(key, &pending.emplace_back())) {
                               return CorruptStorage(kKind, "has a malformed key");
                             }
                             return true;
                           }));
  return pending;
}

void ErasureRecords::Stage(const records::Erasure& erasure, rocksdb::WriteBatch* batch) const {
  rocksdb::ColumnFamilyHandle* const family = database_->family(kErasures);
  const auto mark = [&](const std::string& key, bool set) {
    if (set) {
      batch->Put(family, key, rocksdb::Slice());
    } else {
      batch->Delete(family, key);
    }
  };
  const bool unfinished = IsUnfinished(erasure);
  batch->Put(family, EncodeErasureKey(erasure.sequence()), EncodeRecord(erasure));
  batch->Put(family, EncodeErasureUuidKey(erasure.uuid()), EncodeUint64(erasure.sequence()));
  mark(EncodeOpenErasureKey(erasure.sequence()), unfinished);
  for (const records::Erasure::ShardTask& task : erasure.tasks()) {
    mark(EncodePendingTaskKey({task.model(), task.shard()}, erasure.sequence()), unfinished && !task.retrained());
  }
}

absl::Status ErasureRecords::Update(absl::Span<const records::Erasure> erasures, bool synced,
                                    absl::Span<const ErasureSequence> reclaimed, const AppendLeaves& append) {
  rocksdb::WriteBatch batch;
  for (const ErasureSequence sequence : reclaimed) {
    batch.Delete(database_->family(kTraces), EncodeTracesKey(sequence));
  }
  const auto stage = [&](rocksdb::WriteBatch* staged) {
    for (const records::Erasure& erasure : erasures) Stage(erasure, staged);
  };
  if (append != nullptr) return log_->Write(append, stage, &batch);
  stage(&batch);
  return database_->Write(&batch, synced, kKind);
}

}  // namespace expunge
