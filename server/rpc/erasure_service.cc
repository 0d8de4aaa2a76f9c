#include "rpc/erasure_service.h"

#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/conversion.h"
#include "rpc/names.h"
#include "rpc/status.h"
#include "rpc/unary.h"
#include "rpc/watch_reactor.h"

namespace expunge {
namespace {

bool IsFinal(v1::Erasure::State state) {
  return state == v1::Erasure::COMPLETED || state == v1::Erasure::DENIED || state == v1::Erasure::FAILED;
}

}  // namespace

grpc::ServerUnaryReactor* ErasureService::Forget(grpc::CallbackServerContext* context, const v1::ForgetRequest* request,
                                                 v1::Erasure* response) {
  absl::StatusOr<ForgetRequest> forget = ForgetFromWire(*request);
  if (!forget.ok()) return FinishUnary(context, forget.status());
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  // Also when the client has gone meanwhile: a person's request does not end with a connection.
  const bool validate_only = forget->validate_only;
  forgets_.Submit(*std::move(forget), [=, this](const absl::StatusOr<ForgetResult>& result) {
    if (result.ok()) {
      *response = ErasureToWire(result->erasure, *parts_.catalog);
      if (!validate_only) response->set_subject_nonce(std::string(AsBytes(result->subject_nonce)));
    }
    reactor->Finish(ToGrpcStatus(result.status()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ErasureService::GetErasure(grpc::CallbackServerContext* context,
                                                     const v1::GetErasureRequest* request, v1::Erasure* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string uuid, ParseErasureName(request->name(), "name"));
    ASSIGN_OR_RETURN(*response, Find(uuid));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ErasureService::RetryErasure(grpc::CallbackServerContext* context,
                                                       const v1::RetryErasureRequest* request, v1::Erasure* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string uuid, ParseErasureName(request->name(), "name"));
    ASSIGN_OR_RETURN(const records::Erasure erasure, parts_.unlearner->Retry(uuid));
    *response = ErasureToWire(erasure, *parts_.catalog);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ErasureService::ListErasures(grpc::CallbackServerContext* context,
                                                       const v1::ListErasuresRequest* request,
                                                       v1::ListErasuresResponse* response) {
  return RunUnary(context, parts_.executor, WhenAbandoned::kDrop, [=, this] { return List(*request, response); });
}

grpc::ServerWriteReactor<v1::Erasure>* ErasureService::WatchErasure(grpc::CallbackServerContext* context,
                                                                    const v1::WatchErasureRequest* request) {
  const absl::StatusOr<std::string> uuid = ParseErasureName(request->name(), "name");
  if (!uuid.ok()) return FinishStream<v1::Erasure>(uuid.status());
  absl::StatusOr<std::shared_ptr<void>> admitted = parts_.watches->Admit(nullptr);
  if (!admitted.ok()) return FinishStream<v1::Erasure>(admitted.status());
  using Reactor = WatchReactor<v1::Erasure>;
  const auto read = [this, uuid = *uuid]() -> absl::StatusOr<Reactor::State> {
    ASSIGN_OR_RETURN(v1::Erasure erasure, Find(uuid));
    const bool last = IsFinal(erasure.state());
    return Reactor::State{std::move(erasure), last};
  };
  return new Reactor(context, parts_.executor, parts_.drain, &parts_.ledger->changes(), *std::move(admitted), read);
}

absl::Status ErasureService::List(const v1::ListErasuresRequest& request, v1::ListErasuresResponse* response) {
  ASSIGN_OR_RETURN(const ErasureFilter filter, FilterFromWire(request.filter()));
  ASSIGN_OR_RETURN(const size_t limit, ParsePageSize(request.page_size()));
  ASSIGN_OR_RETURN(const ErasureSequence first, ParseSequencePageToken(request.page_token()));
  ASSIGN_OR_RETURN(const ErasurePage page, parts_.auditor->List(filter, first, limit));
  for (const records::Erasure& erasure : page.erasures)
    *response->add_erasures() = ErasureToWire(erasure, *parts_.catalog);
  if (page.next != 0) response->set_next_page_token(SequencePageToken(page.next));
  return absl::OkStatus();
}

absl::StatusOr<v1::Erasure> ErasureService::Find(std::string_view uuid) {
  ASSIGN_OR_RETURN(const records::Erasure erasure, parts_.ledger->Find(uuid));
  return ErasureToWire(erasure, *parts_.catalog);
}

}  // namespace expunge
