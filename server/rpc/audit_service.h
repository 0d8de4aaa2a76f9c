#ifndef EXPUNGE_RPC_AUDIT_SERVICE_H_
#define EXPUNGE_RPC_AUDIT_SERVICE_H_

#include "absl/status/status.h"
#include "audit/auditor.h"
#include "audit/certificates.h"
#include "audit/log_signer.h"
#include "base/clock.h"
#include "base/executor.h"
#include "catalog/catalog.h"
#include "expunge/v1/audit_service.grpc.pb.h"
#include "rpc/replay_reactor.h"

namespace expunge {

class AuditService final : public v1::AuditService::CallbackService {
 public:
  // Not owned. `executor` waits for the disk; `replay.executor` trains.
  struct Parts {
    const Auditor* auditor;
    const Certificates* certificates;
    const MerkleLog* log;
    LogSigner* log_signer;
    const Catalog* catalog;
    const Clock* clock;
    Executor* executor;
    ReplayReactor::Parts replay;
  };
  explicit AuditService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Audit(grpc::CallbackServerContext* context, const v1::AuditRequest* request,
                                  v1::AuditReport* response) override;
  grpc::ServerUnaryReactor* GetCertificate(grpc::CallbackServerContext* context,
                                           const v1::GetCertificateRequest* request,
                                           v1::Certificate* response) override;
  grpc::ServerUnaryReactor* GetLogCheckpoint(grpc::CallbackServerContext* context,
                                             const v1::GetLogCheckpointRequest* request,
                                             v1::LogCheckpoint* response) override;
  grpc::ServerUnaryReactor* GetInclusionProof(grpc::CallbackServerContext* context,
                                              const v1::GetInclusionProofRequest* request,
                                              v1::InclusionProof* response) override;
  grpc::ServerUnaryReactor* GetConsistencyProof(grpc::CallbackServerContext* context,
                                                const v1::GetConsistencyProofRequest* request,
                                                v1::ConsistencyProof* response) override;
  grpc::ServerUnaryReactor* ListLogEntries(grpc::CallbackServerContext* context,
                                           const v1::ListLogEntriesRequest* request,
                                           v1::ListLogEntriesResponse* response) override;
  grpc::ServerWriteReactor<v1::ReplayProgress>* ReplayShard(grpc::CallbackServerContext* context,
                                                            const v1::ReplayShardRequest* request) override;

 private:
  absl::Status Report(const v1::AuditRequest& request, v1::AuditReport* response) const;
  absl::Status ProveInclusion(const v1::GetInclusionProofRequest& request, v1::InclusionProof* response) const;
  absl::Status ProveConsistency(const v1::GetConsistencyProofRequest& request, v1::ConsistencyProof* response) const;
  absl::Status ListEntries(const v1::ListLogEntriesRequest& request, v1::ListLogEntriesResponse* response) const;

  const Parts parts_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_AUDIT_SERVICE_H_
