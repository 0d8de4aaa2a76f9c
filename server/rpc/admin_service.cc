#include "rpc/admin_service.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/conversion.h"
#include "rpc/unary.h"

namespace expunge {
namespace {

// A backup in there would be searched for what must be gone, and found to have it.
absl::Status ValidateDirectory(const std::string& directory, const std::string& data_dir) {
  if (!std::filesystem::path(directory).is_absolute()) {
    return InvalidField("directory", "must be an absolute path on the server's machine");
  }
  std::error_code error;
  const std::filesystem::path inside = std::filesystem::weakly_canonical(data_dir, error);
  const std::filesystem::path asked = std::filesystem::weakly_canonical(directory, error);
  if (std::mismatch(inside.begin(), inside.end(), asked.begin(), asked.end()).first == inside.end()) {
    return InvalidField("directory", "must not be below the data directory");
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::CreateBackup(grpc::CallbackServerContext* context,
                                                     const v1::CreateBackupRequest* request, v1::Backup* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop,
                  [=, this] { return Backup(request->directory(), response); });
}

absl::Status AdminService::Backup(const std::string& directory, v1::Backup* response) {
  RETURN_IF_ERROR(ValidateDirectory(directory, parts_.data_dir));
  ASSIGN_OR_RETURN(const BackupInfo info, parts_.store->Backup(directory));
  response->set_number(info.number);
  *response->mutable_create_time() = TimeToWire(absl::FromUnixSeconds(info.time_seconds));
  response->set_bytes(info.bytes);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AdminService::Reclaim(grpc::CallbackServerContext* context, const v1::ReclaimRequest*,
                                                v1::ReclaimResponse* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t erasures, parts_.reclaimer->ReclaimNow());
    response->set_erasures_reclaimed(erasures);
    return absl::OkStatus();
  });
}

}  // namespace expunge
