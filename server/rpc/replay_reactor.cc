#include "rpc/replay_reactor.h"

#include <utility>

#include "absl/time/clock.h"
#include "base/scheduling.h"
#include "base/status_macros.h"
#include "proof/log_event.h"
#include "rpc/conversion.h"
#include "rpc/status.h"
#include "rpc/unary.h"

namespace expunge {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(100);

bool HasVerdict(const v1::ReplayProgress& message) {
  return message.verdict() != v1::ReplayProgress::VERDICT_UNSPECIFIED;
}

}  // namespace

ReplayReactor::ReplayReactor(grpc::CallbackServerContext* context, const Parts& parts,
                             std::shared_ptr<ModelEntry> model, std::vector<uint32_t> shards, bool log_verdicts)
    : context_(context),
      parts_(parts),
      model_(std::move(model)),
      shards_(std::move(shards)),
      log_verdicts_(log_verdicts) {
  parts_.executor->Schedule([this] {
    result_ = ReplayAll();
    bool all_written;
    {
      MutexLock lock(&mutex_);
      ended_ = true;
      all_written = Advance();
    }
    if (all_written) Finish(ToGrpcStatus(result_));
  });
}

void ReplayReactor::OnWriteDone(bool /*ok*/) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (Advance()) Finish(ToGrpcStatus(result_));  // gRPC keeps the reactor until this has returned
}

absl::Status ReplayReactor::ReplayAll() {
  LowerThisThreadsPriority();
  for (const uint32_t shard : shards_) RETURN_IF_ERROR(ReplayOne(shard));
  return absl::OkStatus();
}

absl::Status ReplayReactor::ReplayOne(uint32_t shard) {
  // Before anything is loaded: it may have waited long for its turn.
  if (IsAbandoned(*context_)) return AbandonedError(*context_);
  if (parts_.drain->begun()) return Drain::Error();
  absl::Time next_message = absl::InfinitePast();
  const auto progress = [&](const ReplayProgress& progress) {
    if (IsAbandoned(*context_) || parts_.drain->begun()) return false;
    if (const absl::Time now = absl::Now(); now >= next_message) {
      next_message = now + kInterval;
      v1::ReplayProgress message;
      message.set_shard(shard);
      message.set_slice(progress.slice);
      message.set_slice_progress(progress.slice_progress);
      message.set_slices_total(model_->spec().sisa.slices);
      Tell(std::move(message));
    }
    return true;
  };
  const absl::StatusOr<ReplayVerdict> verdict =
      ReplayShard(*model_, shard, *parts_.store, *parts_.keyring, *parts_.trainer, progress);
  if (IsAbandoned(*context_)) return AbandonedError(*context_);
  if (!verdict.ok() && parts_.drain->begun()) return Drain::Error();
  RETURN_IF_ERROR(verdict.status());
  v1::ReplayProgress message = ReplayVerdictToWire(*verdict, shard, model_->spec());
  if (log_verdicts_ && verdict->kind != ReplayVerdict::Kind::kEnvironmentDiffers) {
    ASSIGN_OR_RETURN(const uint64_t index, LogVerdict(shard, *verdict));
    message.set_log_index(index);
  }
  Tell(std::move(message));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ReplayReactor::LogVerdict(uint32_t shard, const ReplayVerdict& verdict) {
  const Replayed replayed = {.model = model_->uid(),
                             .shard = shard,
                             .time = parts_.clock->Now(),
                             .match = verdict.kind == ReplayVerdict::Kind::kMatch,
                             .served_digest = verdict.served,
                             .replayed_digest = verdict.replayed,
                             .lineage = verdict.lineage};
  uint64_t index = 0;
  RETURN_IF_ERROR(parts_.keyring->AppendToLog([&](LogBatch& log) {
    index = log.next_index();
    log.Append(FormatLogEvent(replayed), replayed.time);
    return absl::OkStatus();
  }));
  return index;
}

void ReplayReactor::Tell(v1::ReplayProgress message) {
  MutexLock lock(&mutex_);
  if (!waiting_.empty() && !HasVerdict(waiting_.back())) waiting_.pop_back();
  waiting_.push_back(std::move(message));
  Advance();
}

bool ReplayReactor::Advance() {
  if (writing_) return false;
  if (waiting_.empty()) return ended_;
  writing_ = true;
  written_ = std::move(waiting_.front());
  waiting_.pop_front();
  StartWrite(&written_);
  return false;
}

}  // namespace expunge
