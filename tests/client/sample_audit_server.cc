#include "tests/client/sample_audit_server.h"

#include "proof/consistency_file.h"

namespace expunge {
namespace {

constexpr uint64_t kMostEntries = 20;

}  // namespace

SampleAuditServer::SampleAuditServer(int port, const SampleLog* other_log)
    : log(other_log == nullptr ? &own_log_ : other_log) {
  own_log_.GrowTo(kMostEntries);
  const SampleFiles files;
  envelope = files.envelope;
  tlog_proof = files.tlog_proof;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

void SampleAuditServer::Stop() {
  if (server_ != nullptr) server_->Shutdown();
  server_.reset();
}

grpc::Status SampleAuditServer::GetCertificate(grpc::ServerContext*, const v1::GetCertificateRequest* request,
                                               v1::Certificate* response) {
  response->set_name(request->name() + "/certificate");
  response->set_envelope(envelope);
  response->set_log_index(kSampleIndex);
  response->set_tlog_proof(tlog_proof);
  return grpc::Status::OK;
}

grpc::Status SampleAuditServer::GetLogCheckpoint(grpc::ServerContext*, const v1::GetLogCheckpointRequest*,
                                                 v1::LogCheckpoint* response) {
  const LogCheckpoint checkpoint = log->Checkpoint(size);
  response->set_origin(checkpoint.origin);
  response->set_tree_size(size);
  response->set_root_hash(std::string(AsBytes(checkpoint.root)));
  response->set_signed_note(note.empty() ? log->SignedCheckpoint(size) : note);
  response->set_verifier_key(key.empty() ? log->VerifierKeyText() : key);
  return grpc::Status::OK;
}

grpc::Status SampleAuditServer::GetConsistencyProof(grpc::ServerContext*, const v1::GetConsistencyProofRequest* request,
                                                    v1::ConsistencyProof* response) {
  if (proves_nothing) return {grpc::StatusCode::OUT_OF_RANGE, "no such size"};
  const uint64_t to = request->second_tree_size() == 0 ? size : request->second_tree_size();
  const ConsistencyFile proof = ParseConsistencyFile(log->Consistency(request->first_tree_size(), to)).value();
  response->set_first_tree_size(proof.from);
  response->set_second_tree_size(proof.to);
  for (const Digest& hash : proof.hashes) response->add_hashes(std::string(AsBytes(hash)));
  return grpc::Status::OK;
}

}  // namespace expunge
