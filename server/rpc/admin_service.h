#ifndef EXPUNGE_RPC_ADMIN_SERVICE_H_
#define EXPUNGE_RPC_ADMIN_SERVICE_H_

#include <string>

#include "absl/status/status.h"
#include "base/executor.h"
#include "expunge/v1/admin_service.grpc.pb.h"
#include "storage/store.h"
#include "unlearning/reclaimer.h"

namespace expunge {

class AdminService final : public v1::AdminService::CallbackService {
 public:
  // Not owned. `executor` may be kept busy for minutes.
  struct Parts {
    Store* store;
    Reclaimer* reclaimer;
    std::string data_dir;
    Executor* executor;
  };
  explicit AdminService(Parts parts) : parts_(std::move(parts)) {}

  grpc::ServerUnaryReactor* CreateBackup(grpc::CallbackServerContext* context, const v1::CreateBackupRequest* request,
                                         v1::Backup* response) override;
  grpc::ServerUnaryReactor* Reclaim(grpc::CallbackServerContext* context, const v1::ReclaimRequest* request,
                                    v1::ReclaimResponse* response) override;

 private:
  absl::Status Backup(const std::string& directory, v1::Backup* response);

  const Parts parts_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_ADMIN_SERVICE_H_
