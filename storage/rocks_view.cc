#include "storage/rocks_view.h"

#include "base/status_macros.h"
#include "storage/record.h"
#include "storage/rocks_options.h"
#include "storage/rocks_rows.h"
#include "storage/rocks_status.h"

namespace expunge {

RocksView::RocksView(const RocksDatabase* database, ReadEpochs* reads)
    : read_(reads), database_(database), snapshot_(database->get()) {}

absl::Status RocksView::ScanSubjects(
    ShardId shard, const std::function<absl::Status(const Pseudonym&, const records::Subject&)>& visit) {
  rocksdb::ReadOptions options = ScanOptions();
  options.snapshot = snapshot_.snapshot();
  Pseudonym subject;
  records::Subject row;
  return ScanRows(*database_, kMembership, options, PrefixRange(EncodeShardPrefix(shard)), "a subject",
                  [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                    if (!DecodeSubjectKey(key, &subject)) return CorruptStorage("a subject", "has a malformed key");
                    RETURN_IF_ERROR(DecodeRecord("a subject", value, &row));
                    RETURN_IF_ERROR(visit(subject, row));
                    return true;
                  });
}

absl::Status RocksView::ScanSamples(
    ShardId shard,
    const std::function<absl::Status(const Pseudonym&, const SampleKey&, std::string_view sealed)>& visit) {
  rocksdb::ReadOptions options = ScanOptions();
  options.snapshot = snapshot_.snapshot();
  Pseudonym subject;
  SampleKey sample;
  return ScanRows(*database_, kSamples, options, PrefixRange(EncodeShardPrefix(shard)), "a sample",
                  [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                    if (!DecodeSampleKey(key, &subject, &sample))
                      return CorruptStorage("a sample", "has a malformed key");
                    ASSIGN_OR_RETURN(const std::string_view sealed, UnframeSealed("a sample", value));
                    RETURN_IF_ERROR(visit(subject, sample, sealed));
                    return true;
                  });
}

}  // namespace expunge
