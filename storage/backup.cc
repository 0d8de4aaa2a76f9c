#include "storage/backup.h"

#include <memory>

#include "base/error.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/rocks_database.h"
#include "storage/rocks_options.h"
#include "storage/rocks_status.h"

namespace expunge {
namespace {

constexpr std::string_view kName = "the backup";

// `log` outlives what is opened with it.
rocksdb::BackupEngineOptions EngineOptions(const std::string& directory, rocksdb::Logger* log) {
  rocksdb::BackupEngineOptions options(directory);
  options.info_log = log;
  return options;
}

BackupInfo InfoOf(const rocksdb::BackupInfo& info) { return {info.backup_id, info.timestamp, info.size}; }

}  // namespace

absl::StatusOr<BackupInfo> CreateBackup(const RocksDatabase& database, const std::string& directory) {
  const auto log = MainStoreOptions(database->GetEnv()).info_log;
  const rocksdb::BackupEngineOptions options = EngineOptions(directory, log.get());
  rocksdb::BackupEngine* opened = nullptr;
  RETURN_IF_ERROR(FromRocks(rocksdb::BackupEngine::Open(options, database->GetEnv(), &opened), kName));
  const std::unique_ptr<rocksdb::BackupEngine> engine(opened);
  rocksdb::CreateBackupOptions create;
  create.flush_before_backup = true;
  rocksdb::BackupID number = 0;
  RETURN_IF_ERROR(FromRocks(engine->CreateNewBackup(create, database.get(), &number), kName));
  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(FromRocks(engine->GetBackupInfo(number, &info), kName));
  return InfoOf(info);
}

absl::StatusOr<BackupInfo> RestoreBackup(const std::string& directory, uint32_t number, const std::string& path,
                                         rocksdb::Env* env) {
  if (env == nullptr) env = rocksdb::Env::Default();
  const auto log = MainStoreOptions(env).info_log;
  const rocksdb::BackupEngineOptions options = EngineOptions(directory, log.get());
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  RETURN_IF_ERROR(FromRocks(rocksdb::BackupEngineReadOnly::Open(options, env, &opened), kName));
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(opened);
  rocksdb::BackupInfo info;
  const rocksdb::Status found = number == 0 ? engine->GetLatestBackupInfo(&info) : engine->GetBackupInfo(number, &info);
  if (found.IsNotFound()) {
    return Error(absl::StatusCode::kNotFound, "BACKUP_NOT_FOUND", "there is no such backup in this directory");
  }
  RETURN_IF_ERROR(FromRocks(found, kName));
  RETURN_IF_ERROR(FromRocks(engine->VerifyBackup(info.backup_id, /*verify_with_checksum=*/true), kName));
  RETURN_IF_ERROR(FromRocks(engine->RestoreDBFromBackup(info.backup_id, path, path), "the main store"));
  return InfoOf(info);
}

}  // namespace expunge
