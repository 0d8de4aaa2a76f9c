#include "rpc/audit_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "rpc/conversion.h"
#include "rpc/names.h"
#include "rpc/unary.h"
#include "rpc/watch_reactor.h"

namespace expunge {
namespace {

// gRPC clients take messages of up to 4 MB unless told otherwise.
constexpr size_t kMaxEntriesBytes = size_t{2} << 20;

v1::LogCheckpoint CheckpointToWire(const LogSigner::Signed& newest, const VerifierKey& key) {
  v1::LogCheckpoint wire;
  wire.set_origin(newest.checkpoint.origin);
  wire.set_tree_size(newest.checkpoint.tree_size);
  wire.set_root_hash(std::string(AsBytes(newest.checkpoint.root)));
  wire.set_signed_note(newest.note);
  wire.set_verifier_key(FormatVerifierKey(key));
  return wire;
}

// Which shards a request means: the one that it names, or every one that holds samples.
absl::StatusOr<std::vector<uint32_t>> ShardsToReplay(const v1::ReplayShardRequest& request, ModelEntry& model) {
  const uint32_t shards = model.spec().sisa.shards;
  if (request.has_shard()) {
    if (request.shard() < shards) return std::vector<uint32_t>{request.shard()};
    return InvalidField("shard", absl::StrCat("must be from 0 to ", shards - 1, ", is ", request.shard()));
  }
  std::vector<uint32_t> with_samples;
  for (uint32_t i = 0; i < shards; ++i) {
    const ShardStatus status = model.Status(i);
    const bool empty = std::all_of(status.slices.begin(), status.slices.end(),
                                   [](const ShardStatus::Slice& slice) { return slice.samples == 0; });
    if (!empty) with_samples.push_back(i);
  }
  return with_samples;
}

}  // namespace

grpc::ServerUnaryReactor* AuditService::Audit(grpc::CallbackServerContext* context, const v1::AuditRequest* request,
                                              v1::AuditReport* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this] { return Report(*request, response); });
}

absl::Status AuditService::Report(const v1::AuditRequest& request, v1::AuditReport* response) const {
  ASSIGN_OR_RETURN(const ErasureFilter filter, FilterFromWire(request.filter()));
  ASSIGN_OR_RETURN(const size_t limit, ParsePageSize(request.page_size()));
  ASSIGN_OR_RETURN(const ErasureSequence first, ParseSequencePageToken(request.page_token()));
  ASSIGN_OR_RETURN(const ErasurePage page, parts_.auditor->List(filter, first, limit));
  ASSIGN_OR_RETURN(const StatusReport report, parts_.auditor->Report());
  *response = ReportToWire(report, parts_.clock->Now(), request.page_token().empty());
  for (const records::Erasure& erasure : page.erasures)
    *response->add_erasures() = ErasureToWire(erasure, *parts_.catalog);
  if (page.next != 0) response->set_next_page_token(SequencePageToken(page.next));
  *response->mutable_log_checkpoint() =
      CheckpointToWire(parts_.log_signer->newest(), parts_.log_signer->verifier_key());
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AuditService::GetCertificate(grpc::CallbackServerContext* context,
                                                       const v1::GetCertificateRequest* request,
                                                       v1::Certificate* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string uuid, ParseErasureName(request->name(), "name"));
    ASSIGN_OR_RETURN(Certificate certificate, parts_.certificates->Get(uuid));
    response->set_name(FormatErasureName(uuid) + "/certificate");
    response->set_envelope(std::move(certificate.envelope));
    response->set_log_index(certificate.log_index);
    response->set_tlog_proof(std::move(certificate.tlog_proof));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditService::GetLogCheckpoint(grpc::CallbackServerContext* context,
                                                         const v1::GetLogCheckpointRequest*,
                                                         v1::LogCheckpoint* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const LogSigner::Signed newest, parts_.log_signer->Sign());
    *response = CheckpointToWire(newest, parts_.log_signer->verifier_key());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditService::GetInclusionProof(grpc::CallbackServerContext* context,
                                                          const v1::GetInclusionProofRequest* request,
                                                          v1::InclusionProof* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop,
                  [=, this] { return ProveInclusion(*request, response); });
}

absl::Status AuditService::ProveInclusion(const v1::GetInclusionProofRequest& request,
                                          v1::InclusionProof* response) const {
  const uint64_t size = request.tree_size() != 0 ? request.tree_size() : parts_.log->size();
  ASSIGN_OR_RETURN(const std::vector<Digest> hashes, parts_.log->InclusionProof(request.log_index(), size));
  response->set_log_index(request.log_index());
  response->set_tree_size(size);
  for (const Digest& hash : hashes) response->add_hashes(std::string(AsBytes(hash)));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AuditService::GetConsistencyProof(grpc::CallbackServerContext* context,
                                                            const v1::GetConsistencyProofRequest* request,
                                                            v1::ConsistencyProof* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop,
                  [=, this] { return ProveConsistency(*request, response); });
}

absl::Status AuditService::ProveConsistency(const v1::GetConsistencyProofRequest& request,
                                            v1::ConsistencyProof* response) const {
  const uint64_t second = request.second_tree_size() != 0 ? request.second_tree_size() : parts_.log->size();
  ASSIGN_OR_RETURN(const std::vector<Digest> hashes, parts_.log->ConsistencyProof(request.first_tree_size(), second));
  response->set_first_tree_size(request.first_tree_size());
  response->set_second_tree_size(second);
  for (const Digest& hash : hashes) response->add_hashes(std::string(AsBytes(hash)));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AuditService::ListLogEntries(grpc::CallbackServerContext* context,
                                                       const v1::ListLogEntriesRequest* request,
                                                       v1::ListLogEntriesResponse* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop,
                  [=, this] { return ListEntries(*request, response); });
}

absl::Status AuditService::ListEntries(const v1::ListLogEntriesRequest& request,
                                       v1::ListLogEntriesResponse* response) const {
  ASSIGN_OR_RETURN(const size_t limit, ParsePageSize(request.page_size()));
  ASSIGN_OR_RETURN(uint64_t first, ParseSequencePageToken(request.page_token()));
  if (request.page_token().empty()) first = request.first_index();
  ASSIGN_OR_RETURN(std::vector<LogEntry> entries, parts_.log->List(first, limit, kMaxEntriesBytes));
  for (LogEntry& entry : entries) {
    v1::LogEntry& wire = *response->add_entries();
    wire.set_log_index(entry.index);
    wire.set_data(std::move(entry.leaf));
    *wire.mutable_log_time() = TimeToWire(entry.time);
  }
  if (!entries.empty() && entries.back().index + 1 < parts_.log->size()) {
    response->set_next_page_token(SequencePageToken(entries.back().index + 1));
  }
  return absl::OkStatus();
}

grpc::ServerWriteReactor<v1::ReplayProgress>* AuditService::ReplayShard(grpc::CallbackServerContext* context,
                                                                        const v1::ReplayShardRequest* request) {
  const absl::StatusOr<std::string> name = ParseModelName(request->model(), "model");
  if (!name.ok()) return FinishStream<v1::ReplayProgress>(name.status());
  absl::StatusOr<std::shared_ptr<ModelEntry>> model = parts_.catalog->Find(*name);
  if (!model.ok()) return FinishStream<v1::ReplayProgress>(model.status());
  absl::StatusOr<std::vector<uint32_t>> shards = ShardsToReplay(*request, **model);
  if (!shards.ok()) return FinishStream<v1::ReplayProgress>(shards.status());
  return new ReplayReactor(context, parts_.replay, *std::move(model), *std::move(shards), request->log_verdict());
}

}  // namespace expunge
