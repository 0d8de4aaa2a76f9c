#ifndef EXPUNGE_TESTS_CLIENT_SAMPLE_AUDIT_SERVER_H_
#define EXPUNGE_TESTS_CLIENT_SAMPLE_AUDIT_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "expunge/v1/audit_service.grpc.pb.h"
#include "tests/proof/sample_certificate.h"

namespace expunge {

// An AuditService that tells of the sample log, or says whatever a test puts into it instead. Its members may be
// changed between two calls.
class SampleAuditServer : private v1::AuditService::Service {
 public:
  explicit SampleAuditServer(int port = 0, const SampleLog* other_log = nullptr);
  ~SampleAuditServer() { Stop(); }

  void Stop();
  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  const SampleLog* log;         // what it tells of
  uint64_t size = 11;           // so many entries of it
  std::string note;             // instead of the signed checkpoint
  std::string key;              // instead of the verifier key
  bool proves_nothing = false;  // of consistency: OUT_OF_RANGE
  std::string envelope;
  std::string tlog_proof;

 private:
  grpc::Status GetCertificate(grpc::ServerContext*, const v1::GetCertificateRequest*, v1::Certificate*) override;
  grpc::Status GetLogCheckpoint(grpc::ServerContext*, const v1::GetLogCheckpointRequest*, v1::LogCheckpoint*) override;
  grpc::Status GetConsistencyProof(grpc::ServerContext*, const v1::GetConsistencyProofRequest*,
                                   v1::ConsistencyProof*) override;

  SampleLog own_log_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CLIENT_SAMPLE_AUDIT_SERVER_H_
