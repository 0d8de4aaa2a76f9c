#include "storage/rocks_database.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "rocksdb/env.h"
#include "rocksdb/write_batch.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr uint32_t kFormatVersion = 2;

absl::Status OtherVersion(std::string_view name, std::string_view found) {
  return Error(absl::StatusCode::kFailedPrecondition, "DATA_DIR_VERSION",
               absl::StrCat(ToAbsl(name), " is of another format: ", ToAbsl(found), ", this program reads version ",
                            kFormatVersion));
}

absl::Status SyncDirectory(rocksdb::Env* env, std::string_view name, const std::filesystem::path& path) {
  std::unique_ptr<rocksdb::Directory> directory;
  RETURN_IF_ERROR(FromRocks(env->NewDirectory(path.empty() ? "." : path.string(), &directory), name));
  return FromRocks(directory->Fsync(), name);
}

// Until its entry is synced, a loss of power takes a directory away with everything in it that was synced.
absl::Status MakeDirectory(rocksdb::Env* env, std::string_view name, const std::string& path) {
  if (env->FileExists(path + "/CURRENT").ok()) return absl::OkStatus();  // made, and synced, before
  std::filesystem::path made;
  for (const std::filesystem::path& part : std::filesystem::path(path)) {
    const std::filesystem::path parent = made;
    made /= part;
    const bool existed = env->FileExists(made.string()).ok();
    if (!existed) RETURN_IF_ERROR(FromRocks(env->CreateDirIfMissing(made.string()), name));
    if (!made.has_relative_path()) continue;  // the root has no parent
    // Also of one that exists: an earlier start may have ended before this. But it may not be ours to open.
    const absl::Status synced = SyncDirectory(env, name, parent);
    if (!existed) RETURN_IF_ERROR(synced);
  }
  return absl::OkStatus();
}

// Whether RocksDB would start a new database in this directory, which takes away whatever it finds there: so only
// where there is nothing yet.
absl::StatusOr<bool> IsNew(rocksdb::Env* env, std::string_view name, const std::string& path) {
  if (env->FileExists(path + "/CURRENT").ok()) return false;
  std::vector<std::string> files;
  RETURN_IF_ERROR(FromRocks(env->GetChildren(path, &files), name));
  for (const std::string& file : files) {
    if (absl::EndsWith(file, ".sst") || absl::EndsWith(file, ".blob") || absl::EndsWith(file, ".log")) {
      return DamagedStorage(name, "there are data files, but the file CURRENT is missing");
    }
  }
  return true;
}

// The files of an existing database name one another: one that is not there was lost.
absl::Status FromOpening(const rocksdb::Status& status, std::string_view name) {
  return status.IsPathNotFound() ? DamagedStorage(name, "a file is missing") : FromRocks(status, name);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDatabase>> RocksDatabase::Open(
    std::string_view name, const std::string& path, rocksdb::DBOptions options,
    const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  RETURN_IF_ERROR(MakeDirectory(options.env, name, path));
  ASSIGN_OR_RETURN(const bool is_new, IsNew(options.env, name, path));
  options.create_if_missing = is_new;
  // RocksDB's default takes whatever it cannot read for the end of the WAL.
  ASSIGN_OR_RETURN(const bool ends_early, CheckLogs(options.env, name, path));
  options.wal_recovery_mode =
      ends_early ? rocksdb::WALRecoveryMode::kPointInTimeRecovery : rocksdb::WALRecoveryMode::kAbsoluteConsistency;

  std::vector<std::string> existing = {rocksdb::kDefaultColumnFamilyName};
  if (!is_new) RETURN_IF_ERROR(FromOpening(rocksdb::DB::ListColumnFamilies(options, path, &existing), name));
  std::vector<rocksdb::ColumnFamilyDescriptor> present;
  for (const rocksdb::ColumnFamilyDescriptor& family : families) {
    if (std::find(existing.begin(), existing.end(), family.name) != existing.end()) present.push_back(family);
  }
  if (present.size() != existing.size()) return OtherVersion(name, "it has column families that are not known");

  auto database = std::unique_ptr<RocksDatabase>(new RocksDatabase());
  database->env_ = std::make_unique<CautiousEnv>(options.env);
  options.env = database->env_.get();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, path, present, &database->handles_, &db);
  RETURN_IF_ERROR(FromOpening(opened, name));
  database->db_.reset(db);
  RETURN_IF_ERROR(database->CheckFormat(name));
  RETURN_IF_ERROR(database->MakeMissingFamilies(name, families));
  return database;
}

RocksDatabase::~RocksDatabase() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
}

absl::Status RocksDatabase::Write(rocksdb::WriteBatch* batch, bool synced, std::string_view kind) const {
  rocksdb::WriteOptions options;
  options.sync = synced;
  const absl::Status written = FromRocks(db_->Write(options, batch), kind);
  if (written.ok()) return written;
  return Error(written.code(), ReasonOf(written),
               absl::StrCat(written.message(),
                            ". No write is taken until you restart the server: only then is it known which of "
                            "the writes are on the disk"));
}

absl::Status RocksDatabase::Sync(std::string_view kind) const {
  // Not DB::SyncWAL: it goes past the queue of writers to a WAL in which one of them may just have failed, and there
  // Debian's RocksDB, built with assertions, ends the process.
  rocksdb::WriteBatch nothing;
  return Write(&nothing, /*synced=*/true, kind);
}

absl::Status RocksDatabase::CheckDeletesFiles(std::string_view kind) const {
  if (!env_->files().uncertain()) return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable, "STORAGE_UNAVAILABLE",
               absl::StrCat(ToAbsl(kind),
                            " keeps its obsolete files, because which files it consists of could not be written; "
                            "restart the server to have them deleted"));
}

absl::Status RocksDatabase::CheckFormat(std::string_view name) {
  std::string value;
  const rocksdb::Status found = db_->Get(rocksdb::ReadOptions(), kFormatKey, &value);
  if (found.IsNotFound()) {
    // The version is the first thing that is written: without it a database is either empty or not ours.
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      const std::unique_ptr<rocksdb::Iterator> first(db_->NewIterator(rocksdb::ReadOptions(), handle));
      first->SeekToFirst();
      RETURN_IF_ERROR(FromRocks(first->status(), name));
      if (first->Valid()) return OtherVersion(name, "it has no version");
    }
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return FromRocks(db_->Put(synced, kFormatKey, EncodeUint32(kFormatVersion)), name);
  }
  RETURN_IF_ERROR(FromRocks(found, name));
  uint32_t version = 0;
  if (!DecodeUint32(value, &version)) return OtherVersion(name, "its version cannot be read");
  if (version != kFormatVersion) return OtherVersion(name, absl::StrCat("it has version ", version));
  return absl::OkStatus();
}

absl::Status RocksDatabase::MakeMissingFamilies(std::string_view name,
                                                const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  std::vector<rocksdb::ColumnFamilyHandle*> ordered;
  size_t next_present = 0;  // handles_ is in the order of `families`, with gaps
  absl::Status status;
  for (const rocksdb::ColumnFamilyDescriptor& family : families) {
    if (next_present < handles_.size() && handles_[next_present]->GetName() == family.name) {
      ordered.push_back(handles_[next_present++]);
      continue;
    }
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    status.Update(FromRocks(db_->CreateColumnFamily(family.options, family.name, &handle), name));
    if (handle != nullptr) ordered.push_back(handle);
  }
  handles_ = std::move(ordered);
  return status;
}

}  // namespace expunge
