#ifndef EXPUNGE_RPC_ERASURE_SERVICE_H_
#define EXPUNGE_RPC_ERASURE_SERVICE_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/auditor.h"
#include "base/executor.h"
#include "catalog/catalog.h"
#include "expunge/v1/erasure_service.grpc.pb.h"
#include "rpc/drain.h"
#include "rpc/watch_limit.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/forget_queue.h"
#include "unlearning/unlearner.h"

namespace expunge {

class ErasureService final : public v1::ErasureService::CallbackService {
 public:
  // Not owned.
  struct Parts {
    Unlearner* unlearner;
    ErasureLedger* ledger;
    const Auditor* auditor;
    const Catalog* catalog;
    Executor* executor;         // waits for the disk
    Executor* forget_executor;  // does so for Forgets alone
    Drain* drain;
    WatchLimit* watches;
  };
  explicit ErasureService(const Parts& parts) : parts_(parts), forgets_(parts.unlearner, parts.forget_executor) {}

  grpc::ServerUnaryReactor* Forget(grpc::CallbackServerContext* context, const v1::ForgetRequest* request,
                                   v1::Erasure* response) override;
  grpc::ServerUnaryReactor* GetErasure(grpc::CallbackServerContext* context, const v1::GetErasureRequest* request,
                                       v1::Erasure* response) override;
  grpc::ServerUnaryReactor* RetryErasure(grpc::CallbackServerContext* context, const v1::RetryErasureRequest* request,
                                         v1::Erasure* response) override;
  grpc::ServerUnaryReactor* ListErasures(grpc::CallbackServerContext* context, const v1::ListErasuresRequest* request,
                                         v1::ListErasuresResponse* response) override;
  grpc::ServerWriteReactor<v1::Erasure>* WatchErasure(grpc::CallbackServerContext* context,
                                                      const v1::WatchErasureRequest* request) override;

 private:
  absl::Status List(const v1::ListErasuresRequest& request, v1::ListErasuresResponse* response);
  absl::StatusOr<v1::Erasure> Find(std::string_view uuid);

  const Parts parts_;
  ForgetQueue forgets_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_ERASURE_SERVICE_H_
