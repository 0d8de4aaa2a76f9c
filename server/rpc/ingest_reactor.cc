#include "rpc/ingest_reactor.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "rpc/conversion.h"
#include "rpc/names.h"
#include "rpc/status.h"
#include "rpc/unary.h"
#include "rpc/validation.h"

namespace expunge {

IngestReactor::IngestReactor(grpc::CallbackServerContext* context, Executor* executor, Catalog* catalog,
                             Ingestor* ingestor, grpc::ByteBuffer* response)
    : context_(context), executor_(executor), catalog_(catalog), ingestor_(ingestor), response_(response) {
  MutexLock lock(&mutex_);
  Advance();
}

void IngestReactor::OnReadDone(bool ok) {
  MutexLock lock(&mutex_);
  Buffer* const read = std::exchange(reading_, nullptr);
  if (ok) {
    to_store_ = read;
  } else {
    ended_ = true;
  }
  // gRPC keeps the reactor until this has returned.
  if (Advance()) executor_->Schedule([this] { ReplyToEnd(); });
}

bool IngestReactor::Advance() {
  if (replied_) return false;
  if (storing_ == nullptr && to_store_ != nullptr) {
    storing_ = std::exchange(to_store_, nullptr);
    executor_->Schedule([this] { Store(); });
  }
  if (reading_ == nullptr && to_store_ == nullptr && !ended_) {
    reading_ = storing_ == &buffers_[0] ? &buffers_[1] : &buffers_[0];
    StartRead(reading_);
  }
  replied_ = ended_ && storing_ == nullptr;
  return replied_;
}

void IngestReactor::Store() {
  Buffer* message;
  {
    MutexLock lock(&mutex_);
    message = storing_;
  }
  absl::Status status = IsAbandoned(*context_) ? AbandonedError(*context_) : StoreMessage(message);
  bool ended = false;
  {
    MutexLock lock(&mutex_);
    storing_ = nullptr;
    if (status.ok()) {
      ended = Advance();
    } else {
      replied_ = true;
    }
  }
  if (!status.ok()) return Reply(std::move(status));
  if (ended) ReplyToEnd();
}

absl::Status IngestReactor::StoreMessage(Buffer* bytes) {
  v1::IngestSamplesRequest message;
  const bool parsed = grpc::SerializationTraits<v1::IngestSamplesRequest>::Deserialize(bytes, &message).ok();
  bytes->Clear();
  if (!parsed) {
    return InvalidField(model_ == nullptr ? "start" : "batch",
                        "must be a message of IngestSamplesRequest whose texts are UTF-8");
  }
  if (model_ != nullptr) {
    return message.has_batch() ? StoreBatch(message.batch())
                               : InvalidField("batch", "must be set in every message but the first");
  }
  if (!message.has_start()) return InvalidField("start", "must be set in the first message");
  ASSIGN_OR_RETURN(const std::string name, ParseModelName(message.start().model(), "start.model"));
  ASSIGN_OR_RETURN(model_, catalog_->Find(name));
  new_consent_ = message.start().new_consent();
  return absl::OkStatus();
}

absl::Status IngestReactor::StoreBatch(const v1::SampleBatch& batch) {
  RETURN_IF_ERROR(ValidateBatch(batch, model_->spec()));
  ASSIGN_OR_RETURN(const IngestCounts counts,
                   ingestor_->Ingest(*model_, SamplesFromWire(batch, model_->spec()), new_consent_));
  ++batches_;
  counts_.ingested += counts.ingested;
  counts_.unchanged += counts.unchanged;
  counts_.forgotten += counts.forgotten;
  counts_.conflicting += counts.conflicting;
  return absl::OkStatus();
}

void IngestReactor::ReplyToEnd() {
  if (IsAbandoned(*context_)) return Reply(AbandonedError(*context_));
  Reply(model_ == nullptr ? InvalidField("start", "must be set in the first message") : absl::OkStatus());
}

void IngestReactor::Reply(absl::Status status) {
  if (batches_ > 0) status.Update(ingestor_->Commit());
  if (status.ok()) {
    v1::IngestSamplesResponse response;
    response.set_samples_ingested(static_cast<int64_t>(counts_.ingested));
    response.set_samples_unchanged(static_cast<int64_t>(counts_.unchanged));
    response.set_samples_forgotten(static_cast<int64_t>(counts_.forgotten));
    response.set_samples_conflicting(static_cast<int64_t>(counts_.conflicting));
    bool own_buffer = false;
    const grpc::Status serialized =
        grpc::SerializationTraits<v1::IngestSamplesResponse>::Serialize(response, response_, &own_buffer);
    if (!serialized.ok()) status = absl::InternalError("the response cannot be serialized");
  }
  const uint64_t samples = counts_.ingested + counts_.unchanged;
  Finish(ToGrpcStatus(status,
                      {{"batchesCommitted", absl::StrCat(batches_)}, {"samplesCommitted", absl::StrCat(samples)}}));
}

}  // namespace expunge
