#include "unlearning/unlearner.h"

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {

absl::Status Unlearner::Announce(const records::Erasure& erasure) {
  parts_.purger->Notify({erasure.sequence()});
  for (const auto& task : erasure.tasks()) {
    const ShardId shard = {task.model(), task.shard()};
    if (parts_.catalog->FindByUid(task.model()) == nullptr) {  // deleted meanwhile: nothing is left to be retrained
      RETURN_IF_ERROR(MarkNothingToRetrain(shard, {erasure.sequence()}));
    } else {
      parts_.publisher->Notify(shard);
      parts_.pool->Notify(shard, absl::FromUnixMicros(erasure.due_time_micros()));
    }
  }
  return absl::OkStatus();
}

absl::Status Unlearner::MarkNothingToRetrain(ShardId shard, const std::vector<ErasureSequence>& erasures) {
  return parts_.ledger->MarkRetrained(shard, erasures, {.time = parts_.clock->Now()}, [] { return true; });
}

absl::StatusOr<records::Erasure> Unlearner::Retry(std::string_view uuid) {
  ASSIGN_OR_RETURN(records::Erasure erasure, parts_.ledger->MarkRetried(uuid));
  if (IsUnfinished(erasure)) RETURN_IF_ERROR(Announce(erasure));
  return erasure;
}

absl::Status Unlearner::Train(ModelEntry& model) {
  const SisaSpec& sisa = model.spec().sisa;
  uint64_t subjects = 0;
  for (uint32_t shard = 0; shard < sisa.shards; ++shard) subjects += model.Status(shard).subjects;
  if (subjects == 0)
    return Error(absl::StatusCode::kFailedPrecondition, "NO_SAMPLES", "the model has no samples: ingest some first");
  if (sisa.slices > subjects) {
    return Error(absl::StatusCode::kFailedPrecondition, "MORE_SLICES_THAN_SUBJECTS",
                 absl::StrCat("sisa.slices must be at most the number of subjects: the model has ", sisa.slices,
                              " slices and ", subjects, " subjects"));
  }
  {
    const std::unique_lock training(model.train_mutex);
    MutexLock lock(&model.record_mutex);
    if (model.record.deleting())
      return Error(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND", "the model is being deleted");
    records::Model record = model.record;
    record.set_trained_through_batch(record.ingest_batch());
    record.set_train_time_micros(absl::ToUnixMicros(parts_.clock->Now()));
    RETURN_IF_ERROR(parts_.store->PutModel(model.uid(), record));
    const bool moved = record.trained_through_batch() != model.record.trained_through_batch();
    model.record = std::move(record);
    model.set_trained();
    for (uint32_t shard = 0; moved && shard < sisa.shards; ++shard) model.Bump(shard, /*gone=*/false);
    CrashPoint("train_recorded");
  }
  model.changes().Notify();
  for (uint32_t shard = 0; shard < sisa.shards; ++shard)
    parts_.pool->Notify({model.uid(), shard}, absl::InfiniteFuture());
  return absl::OkStatus();
}

absl::Status Unlearner::Delete(ModelEntry& model) {
  {
    // Alone: a Forget finds the model either whole or without any key.
    const std::unique_lock training(model.train_mutex);
    {
      MutexLock lock(&model.record_mutex);
      records::Model record = model.record;
      record.set_deleting(true);
      RETURN_IF_ERROR(parts_.store->PutModel(model.uid(), record));
      model.record = std::move(record);
    }
    for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
      model.ensemble().Withdraw(shard, 0, model.Bump(shard, /*gone=*/true));
    }
    RETURN_IF_ERROR(parts_.keyring->DestroyModelKeys(model.uid(), parts_.clock->Now()));
    model.set_keys_gone();
  }
  // Before the rows go: a Forget that does not find them any more must know that their keys may still be on disk.
  parts_.purger->NotifyDeletion();
  ASSIGN_OR_RETURN(const records::KeyringMark mark, parts_.keyring->Mark());
  RETURN_IF_ERROR(parts_.store->RaiseKeyringMark(mark));
  parts_.pool->Drop(model.uid());
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    ASSIGN_OR_RETURN(const auto pending, parts_.keyring->erasures().PendingIn({model.uid(), shard}));
    if (pending.empty()) continue;
    RETURN_IF_ERROR(MarkNothingToRetrain({model.uid(), shard}, pending));
  }
  RETURN_IF_ERROR(parts_.store->DeleteModel(model.uid()));
  // Last: while anything failed before, the model can be deleted again.
  parts_.catalog->Remove(model);
  return absl::OkStatus();
}

}  // namespace expunge
