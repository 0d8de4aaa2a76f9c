#ifndef EXPUNGE_STORAGE_ROCKS_VIEW_H_
#define EXPUNGE_STORAGE_ROCKS_VIEW_H_

#include <functional>
#include <memory>
#include <string_view>

#include "rocksdb/snapshot.h"
#include "storage/read_epochs.h"
#include "storage/rocks_database.h"
#include "storage/store.h"

namespace expunge {

// A RocksDB snapshot. While it lives, no compaction removes what it still sees.
class RocksView : public StoreView {
 public:
  RocksView(const RocksDatabase* database, ReadEpochs* reads);

  absl::Status ScanSubjects(
      ShardId shard, const std::function<absl::Status(const Pseudonym&, const records::Subject&)>& visit) override;
  absl::Status ScanSamples(
      ShardId shard,
      const std::function<absl::Status(const Pseudonym&, const SampleKey&, std::string_view sealed)>& visit) override;

 private:
  const ReadEpochs::Read read_;
  const RocksDatabase* const database_;
  rocksdb::ManagedSnapshot snapshot_;
};

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_VIEW_H_
