#ifndef EXPUNGE_STORAGE_RESUMABLE_ENV_H_
#define EXPUNGE_STORAGE_RESUMABLE_ENV_H_

#include <memory>

#include "rocksdb/env.h"

namespace expunge {

// The files of `env` for a RocksDB that goes on by itself after a fault that is over. As they are, RocksDB 7.8 takes an
// I/O error for fatal, and after a full device, as after DB::Resume, it goes on in a state in which DB::Flush returns
// before anything is flushed. It recovers as it should from a write that failed for now, so here every failed write is
// one of those; a full device is told from the message alone (FromRocks does). `env` is not owned.
std::unique_ptr<rocksdb::Env> MakeResumableEnv(rocksdb::Env* env);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_RESUMABLE_ENV_H_
