#ifndef EXPUNGE_ADMIN_CHECK_H_
#define EXPUNGE_ADMIN_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace expunge {

struct CheckOptions {
  std::string data_dir;
  std::string master_key_file;      // empty: DATA_DIR/master.key
  std::string log_key_file;         // empty: DATA_DIR/log.key
  std::string log_checkpoint_file;  // empty: DATA_DIR/log.checkpoint
};

struct CheckReport {
  uint64_t models = 0;
  uint64_t subjects = 0;
  uint64_t samples = 0;
  uint64_t dead_subjects = 0;      // rows whose key is gone: removed at the next start
  uint64_t checkpoints = 0;        // valid: they open, and their lineage is the one that membership gives
  uint64_t stale_checkpoints = 0;  // of another membership, or without a key: trained again at the next start
  uint64_t subject_keys = 0;
  uint64_t keys_without_samples = 0;  // of an ingest that was cut short, or that an older backup does not have
  uint64_t checkpoint_keys = 0;
  uint64_t erasures = 0;
  uint64_t unfinished_erasures = 0;
  uint64_t log_entries = 0;
  bool log_compared = false;          // with the newest checkpoint that was signed
  std::vector<std::string> problems;  // what must not be; none holds anybody's data
};

// Verifies the data directory of a server that is stopped: the checksums of all files, that every live sample opens and
// is the one that the membership names, the lineage and the content of every checkpoint, every key, that every subject
// without one was erased, that the records of erasures agree with one another, and that suppressions and traces open;
// that the log has the hashes that it should have, is what was signed last, and holds the certificate of each completed
// erasure; and that nothing that one of these certifies as gone is there again: a key, a row, a retired checkpoint.
// What cannot be opened at all is an error, the others are problems of the report. NOT_FOUND (DATA_DIR_MISSING); the
// errors of Keyring::Open, OpenRocksStore and CheckKeyringMatches.
absl::StatusOr<CheckReport> CheckDataDir(const CheckOptions& options);

}  // namespace expunge

#endif  // EXPUNGE_ADMIN_CHECK_H_
