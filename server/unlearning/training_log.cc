#include "unlearning/training_log.h"

#include <algorithm>

#include "base/status_macros.h"
#include "proof/log_event.h"

namespace expunge {

absl::Status TrainingLog::TellIfTrained(ModelEntry& model) {
  const MutexLock lock(&mutex_);
  const uint64_t trained_through = model.trained_through();
  ASSIGN_OR_RETURN(const uint64_t told, keyring_->GetLogMark(model.uid()));
  if (told >= trained_through) return absl::OkStatus();
  ModelTrained trained = {.model = model.uid(), .time = clock_->Now()};
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    const ShardStatus status = model.Status(shard);
    if (status.phase != ShardStatus::Phase::kTrained) return absl::OkStatus();
    const ShardStatus::Slice& last = status.slices.back();
    if (last.checkpoint) trained.shards.push_back({shard, last.lineage, last.parameters_digest});
  }
  return keyring_->AppendToLog(
      [&trained](LogBatch& log) {
        log.Append(FormatLogEvent(trained), trained.time);
        return absl::OkStatus();
      },
      Keyring::LogMark{model.uid(), trained_through});
}

}  // namespace expunge
