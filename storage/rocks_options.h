#ifndef EXPUNGE_STORAGE_ROCKS_OPTIONS_H_
#define EXPUNGE_STORAGE_ROCKS_OPTIONS_H_

#include <vector>

#include "rocksdb/db.h"

namespace expunge {

// RocksDB's settings; FORMAT.md gives the reasons of those that physical deletion or bounded memory depend on.

// Column families of the main store, in this order.
enum MainStoreFamily : size_t {
  kDefaultFamily,
  kModels,
  kSamples,
  kMembership,
  kCheckpoints,
};
// Those of the keyring, in this order.
enum KeyringFamily : size_t {
  kKeys,
  kCheckpointKeys,
  kErasures,
  kSuppressions,
  kTraces,
  kLogEntries,
  kLogNodes,
};

rocksdb::DBOptions MainStoreOptions(rocksdb::Env* env);
std::vector<rocksdb::ColumnFamilyDescriptor> MainStoreFamilies();

rocksdb::DBOptions KeyringOptions(rocksdb::Env* env);
std::vector<rocksdb::ColumnFamilyDescriptor> KeyringFamilies();

// For scans: large reads, and a block cache that keeps what it has.
rocksdb::ReadOptions ScanOptions();

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_ROCKS_OPTIONS_H_
