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

absl::Status LogMissing(std::string_view rpc) {
  return Error(absl::StatusCode::kUnimplemented, "CERTIFICATE_LOG_MISSING",
               absl::StrCat(ToAbsl(rpc), " needs the log of certificates, which this version does not have"));
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
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AuditService::GetCertificate(grpc::CallbackServerContext* context,
                                                       const v1::GetCertificateRequest*, v1::Certificate*) {
  return FinishUnary(context, LogMissing("GetCertificate"));
}

grpc::ServerUnaryReactor* AuditService::GetLogCheckpoint(grpc::CallbackServerContext* context,
                                                         const v1::GetLogCheckpointRequest*, v1::LogCheckpoint*) {
  return FinishUnary(context, LogMissing("GetLogCheckpoint"));
}

grpc::ServerUnaryReactor* AuditService::GetInclusionProof(grpc::CallbackServerContext* context,
                                                          const v1::GetInclusionProofRequest*, v1::InclusionProof*) {
  return FinishUnary(context, LogMissing("GetInclusionProof"));
}

grpc::ServerUnaryReactor* AuditService::GetConsistencyProof(grpc::CallbackServerContext* context,
                                                            const v1::GetConsistencyProofRequest*,
                                                            v1::ConsistencyProof*) {
  return FinishUnary(context, LogMissing("GetConsistencyProof"));
}

grpc::ServerUnaryReactor* AuditService::ListLogEntries(grpc::CallbackServerContext* context,
                                                       const v1::ListLogEntriesRequest*, v1::ListLogEntriesResponse*) {
  return FinishUnary(context, LogMissing("ListLogEntries"));
}

grpc::ServerWriteReactor<v1::ReplayProgress>* AuditService::ReplayShard(grpc::CallbackServerContext* context,
                                                                        const v1::ReplayShardRequest* request) {
  const absl::StatusOr<std::string> name = ParseModelName(request->model(), "model");
  if (!name.ok()) return FinishStream<v1::ReplayProgress>(name.status());
  absl::StatusOr<std::shared_ptr<ModelEntry>> model = parts_.catalog->Find(*name);
  if (!model.ok()) return FinishStream<v1::ReplayProgress>(model.status());
  absl::StatusOr<std::vector<uint32_t>> shards = ShardsToReplay(*request, **model);
  if (!shards.ok()) return FinishStream<v1::ReplayProgress>(shards.status());
  return new ReplayReactor(context, parts_.replay, *std::move(model), *std::move(shards));
}

}  // namespace expunge
