#include "unlearning/training_log.h"

#include <algorithm>

#include "base/status_macros.h"
#include "proof/log_event.h"

namespace expunge {

absl::StatusOr<bool> TrainingLog::Finish(ModelEntry& model, uint32_t shard, absl::FunctionRef<bool()> still_true,
                                         absl::FunctionRef<bool()> set_trained) {
  const MutexLock lock(&mutex_);
  RETURN_IF_ERROR(TellIfLast(model, shard, still_true));
  return set_trained();
}

absl::Status TrainingLog::TellIfLast(ModelEntry& model, uint32_t last, absl::FunctionRef<bool()> still_true) {
  // In this order: who raises it moves every shard before anybody can read it.
  const uint64_t trained_through = model.trained_through();
  if (!still_true()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t told, keyring_->GetLogMark(model.uid()));
  if (told >= trained_through) return absl::OkStatus();
  ModelTrained trained = {.model = model.uid(), .time = clock_->Now()};
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    const ShardStatus status = model.Status(shard);
    if (shard != last && status.phase != ShardStatus::Phase::kTrained) return absl::OkStatus();
    const ShardStatus::Slice& newest = status.slices.back();
    if (newest.checkpoint) trained.shards.push_back({shard, newest.lineage, newest.parameters_digest});
  }
  return keyring_->AppendToLog(
      [&trained](LogBatch& log) {
        log.Append(FormatLogEvent(trained), trained.time);
        return absl::OkStatus();
      },
      Keyring::LogMark{model.uid(), trained_through});
}

}  // namespace expunge
