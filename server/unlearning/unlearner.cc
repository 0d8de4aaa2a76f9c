#include "unlearning/unlearner.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "catalog/ingestor.h"
#include "sisa/placement.h"

namespace expunge {
namespace {

std::string_view BytesOf(const std::array<uint8_t, 16>& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

// A UUID (version 8, RFC 9562) that only this deployment can derive from the request id.
std::string ErasureUuid(const Keyring& keyring, const ForgetRequest& request) {
  const Digest hash = keyring.PepperedHash({"erasure uuid", BytesOf(request.request_id)});
  std::string uuid(hash.begin(), hash.begin() + 16);
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

// Two requests have the same fingerprint exactly when they ask for the same thing.
Digest RequestFingerprint(const Keyring& keyring, const ForgetRequest& request) {
  const std::set<std::string> models(request.models.begin(), request.models.end());
  const int64_t submitted = request.submitted_time ? absl::ToUnixMicros(*request.submitted_time) : 0;
  return keyring.PepperedHash({"forget request", request.subject_id, absl::StrCat(static_cast<int>(request.regulation)),
                               absl::StrCat(submitted), absl::StrJoin(models, "/")});
}

// A subject that no model holds has nothing to be forgotten.
void CompleteAtOnce(records::Erasure& erasure) {
  const int64_t now = erasure.received_time_micros();
  erasure.set_state(records::Erasure::COMPLETED);
  erasure.set_isolated_time_micros(now);
  erasure.set_shredded_time_micros(now);
  erasure.set_retrained_time_micros(now);
  erasure.set_purged_time_micros(now);
  erasure.set_completed_time_micros(now);
}

}  // namespace

// What the subject has in one model.
struct Unlearner::Holding {
  std::shared_ptr<ModelEntry> model;
  uint32_t shard = 0;
  records::Subject row;
};

absl::StatusOr<ForgetResult> Unlearner::Forget(const ForgetRequest& request) {
  const Pseudonym subject = parts_.keyring->PseudonymOf(request.subject_id);
  const std::string uuid = ErasureUuid(*parts_.keyring, request);
  const Digest fingerprint = RequestFingerprint(*parts_.keyring, request);
  ForgetResult result;
  result.subject_nonce =
      parts_.keyring->PepperedHash({"subject nonce", BytesOf(request.request_id), request.subject_id});

  // Held over the writes: one subject's changes, and one request's repetitions, come one after the other.
  const auto held = parts_.subject_locks->Lock({SubjectStripe(subject), std::hash<std::string>()(uuid)});
  ASSIGN_OR_RETURN(auto known, parts_.store->FindErasure(uuid));
  if (known) {
    if (known->request_fingerprint() != AsBytes(fingerprint)) {
      return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                   "request_id was used before for another request");
    }
    // An attempt that failed half-way was not acknowledged; its repetition finishes it.
    if (known->state() == records::Erasure::IN_PROGRESS && !request.validate_only) {
      if (known->isolated_time_micros() == 0) RETURN_IF_ERROR(Isolate(*known));
      RETURN_IF_ERROR(Announce(*known));
    }
    result.erasure = *std::move(known);
    return result;
  }

  ASSIGN_OR_RETURN(std::vector<Holding> holdings, FindHoldings(request, subject));
  records::Erasure& erasure = result.erasure;
  erasure.set_uuid(uuid);
  erasure.set_subject(std::string(AsBytes(subject)));
  erasure.set_request_fingerprint(std::string(AsBytes(fingerprint)));
  erasure.set_regulation(static_cast<uint32_t>(request.regulation));
  if (request.submitted_time) erasure.set_submitted_time_micros(absl::ToUnixMicros(*request.submitted_time));
  const absl::Time now = parts_.clock->Now();
  erasure.set_received_time_micros(absl::ToUnixMicros(now));
  erasure.set_due_time_micros(absl::ToUnixMicros(DueTime(request.regulation, now)));
  if (request.validate_only) {
    AddTasks(holdings, erasure);
    erasure.set_state(records::Erasure::PENDING);
    return result;
  }
  RETURN_IF_ERROR(RecordAndIsolate(request, subject, std::move(holdings), erasure));
  return result;
}

absl::StatusOr<std::vector<Unlearner::Holding>> Unlearner::FindHoldings(const ForgetRequest& request,
                                                                        const Pseudonym& subject) {
  std::vector<std::shared_ptr<ModelEntry>> models;
  if (request.models.empty()) models = parts_.catalog->List();
  for (const std::string& name : std::set<std::string>(request.models.begin(), request.models.end())) {
    ASSIGN_OR_RETURN(models.emplace_back(), parts_.catalog->Find(name));
  }
  std::vector<Holding> holdings;
  for (std::shared_ptr<ModelEntry>& model : models) {
    const uint32_t shard = Place(model->spec(), subject, ErasureLikelihood::kUnspecified).shard;
    ASSIGN_OR_RETURN(auto row, parts_.store->GetSubject({model->uid(), shard}, subject));
    if (row) holdings.push_back({std::move(model), shard, *std::move(row)});
  }
  // One order for everybody, because RecordAndIsolate shares one lock per model.
  std::sort(holdings.begin(), holdings.end(),
            [](const Holding& a, const Holding& b) { return a.model->uid() < b.model->uid(); });
  return holdings;
}

void Unlearner::AddTasks(const std::vector<Holding>& holdings, records::Erasure& erasure) {
  for (const Holding& holding : holdings) {
    const uint64_t trained_through = holding.model->trained_through();
    uint32_t first_slice = holding.model->spec().sisa.slices;
    for (const records::Subject::Sample& sample : holding.row.samples()) {
      if (sample.ingest_batch() <= trained_through) first_slice = std::min(first_slice, sample.slice());
    }
    records::Erasure::ShardTask& task = *erasure.add_tasks();
    task.set_model(holding.model->uid());
    task.set_model_name(holding.model->name());
    task.set_shard(holding.shard);
    task.set_first_slice(first_slice);
    task.set_samples_erased(holding.row.samples_size());
    erasure.set_samples_erased(erasure.samples_erased() + holding.row.samples_size());
  }
}

absl::Status Unlearner::RecordAndIsolate(const ForgetRequest& request, const Pseudonym& subject,
                                         std::vector<Holding> holdings, records::Erasure& erasure) {
  std::vector<ModelUid> suppress_in;
  if (request.models.empty()) suppress_in.push_back(kEveryModel);
  for (const std::string& name : request.models) {
    ASSIGN_OR_RETURN(const auto model, parts_.catalog->Find(name));
    suppress_in.push_back(model->uid());
  }

  std::vector<std::shared_lock<std::shared_mutex>> training_held;
  for (const Holding& holding : holdings) training_held.emplace_back(holding.model->train_mutex);
  bool owes_purge = parts_.ledger->OwesPurge(AsBytes(subject));
  for (const Holding& holding : holdings) {
    if (!holding.model->deleting()) continue;
    if (!holding.model->keys_gone()) {
      return WithRetryAfter(Error(absl::StatusCode::kUnavailable, "MODEL_BEING_DELETED",
                                  "a model that holds the subject is being deleted"),
                            absl::Seconds(1));
    }
    owes_purge = true;
  }
  std::erase_if(holdings, [](const Holding& holding) { return holding.model->deleting(); });
  AddTasks(holdings, erasure);
  std::vector<SubjectRemoval> removals;
  for (const Holding& holding : holdings) {
    SubjectRemoval& removal = removals.emplace_back();
    removal.shard = {holding.model->uid(), holding.shard};
    removal.subject = subject;
    for (const auto& sample : holding.row.samples()) removal.samples.push_back(SampleKeyFromBytes(sample.key()));
  }
  erasure.set_state(records::Erasure::IN_PROGRESS);
  if (holdings.empty()) erasure.set_retrained_time_micros(erasure.received_time_micros());
  const bool complete = holdings.empty() && !owes_purge;
  if (complete) CompleteAtOnce(erasure);

  erasure.set_sequence(parts_.ledger->BeginIsolation());
  CrashPoint("forget_begun");
  if (absl::Status recorded = parts_.ledger->Record(erasure, removals, suppress_in); !recorded.ok()) {
    parts_.ledger->EndIsolation(erasure.sequence());
    return recorded;
  }
  CrashPoint("forget_recorded");
  for (const Holding& holding : holdings) holding.model->RemoveFromCounts(holding.shard, holding.row);
  if (complete) {
    parts_.ledger->EndIsolation(erasure.sequence());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Isolate(erasure));
  return Announce(erasure);
}

absl::Status Unlearner::Isolate(records::Erasure& erasure) {
  ASSIGN_OR_RETURN(const Pseudonym subject, DigestFromBytes(erasure.subject()));
  struct Part {
    std::shared_ptr<ModelEntry> model;
    uint32_t shard;
    uint32_t first_slice;
    uint64_t generation;
  };
  std::vector<Part> parts;
  Keyring::Destruction destruction;
  for (const auto& task : erasure.tasks()) {
    destruction.subjects.emplace_back(task.model(), subject);
    const std::shared_ptr<ModelEntry> model = parts_.catalog->FindByUid(task.model());
    if (model == nullptr) continue;  // deleted meanwhile, its keys with it
    // Before the keys: a checkpoint is committed either before this and its key is destroyed below, or it is refused.
    parts.push_back({model, task.shard(), task.first_slice(), model->BumpGeneration(task.shard(), task.first_slice())});
    if (task.first_slice() < model->spec().sisa.slices) {
      destruction.checkpoints.push_back({{task.model(), task.shard()}, task.first_slice()});
    }
  }
  const absl::Status destroyed = parts_.keyring->Destroy(destruction);
  CrashPoint("forget_rows_removed");
  // Also when the keys could not be destroyed: what knew the subject must not answer.
  for (const Part& part : parts) part.model->ensemble().Withdraw(part.shard, part.first_slice, part.generation);
  RETURN_IF_ERROR(destroyed);
  CrashPoint("forget_withdrawn");

  const absl::Time now = parts_.clock->Now();
  erasure.set_isolated_time_micros(absl::ToUnixMicros(now));
  parts_.ledger->EndIsolation(erasure.sequence());
  return parts_.ledger->MarkIsolated(erasure.sequence(), now);
}

absl::Status Unlearner::Announce(const records::Erasure& erasure) {
  parts_.purger->Notify({erasure.sequence()});
  for (const auto& task : erasure.tasks()) {
    const ShardId shard = {task.model(), task.shard()};
    if (parts_.catalog->FindByUid(task.model()) == nullptr) {  // deleted meanwhile: nothing is left to be retrained
      RETURN_IF_ERROR(MarkNothingToRetrain(shard, {erasure.sequence()}));
    } else {
      parts_.pool->Notify(shard, absl::FromUnixMicros(erasure.due_time_micros()));
    }
  }
  CrashPoint("forget_announced");
  return absl::OkStatus();
}

absl::Status Unlearner::MarkNothingToRetrain(ShardId shard, const std::vector<ErasureSequence>& erasures) {
  return parts_.ledger->MarkRetrained(shard, erasures, 0, parts_.clock->Now(), [] { return true; });
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
    CrashPoint("train_recorded");
    const bool moved = record.trained_through_batch() != model.record.trained_through_batch();
    model.record = std::move(record);
    model.set_trained();
    for (uint32_t shard = 0; moved && shard < sisa.shards; ++shard)
      model.BumpGeneration(shard, /*first_slice=*/sisa.slices);
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
      model.ensemble().Withdraw(shard, 0, model.BumpGeneration(shard, /*first_slice=*/0));
    }
    RETURN_IF_ERROR(parts_.keyring->Destroy({.models = {model.uid()}}));
    model.set_keys_gone();
  }
  parts_.pool->Drop(model.uid());
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    ASSIGN_OR_RETURN(const auto pending, parts_.store->View()->PendingErasures({model.uid(), shard}));
    if (!pending.empty()) RETURN_IF_ERROR(MarkNothingToRetrain({model.uid(), shard}, pending));
  }
  RETURN_IF_ERROR(parts_.store->DeleteModel(model.uid()));
  // Last: while anything failed before, the model can be deleted again.
  parts_.catalog->Remove(model);
  parts_.purger->Notify({});
  return absl::OkStatus();
}

absl::Status Unlearner::Recover(int threads) {
  std::vector<ErasureSequence> not_purged;
  std::vector<records::Erasure> not_isolated;
  std::map<ShardId, absl::Time> deadlines;
  std::map<ShardId, std::vector<ErasureSequence>> without_model;
  RETURN_IF_ERROR(parts_.store->ScanOpenErasures([&](const records::Erasure& erasure) {
    if (erasure.isolated_time_micros() == 0) not_isolated.push_back(erasure);
    if (erasure.purged_time_micros() == 0) not_purged.push_back(erasure.sequence());
    for (const auto& task : erasure.tasks()) {
      if (!task.retrained() && parts_.catalog->FindByUid(task.model()) == nullptr) {
        without_model[{task.model(), task.shard()}].push_back(erasure.sequence());
      }
      const absl::Time due = absl::FromUnixMicros(erasure.due_time_micros());
      const auto [deadline, added] = deadlines.try_emplace({task.model(), task.shard()}, due);
      if (!added) deadline->second = std::min(deadline->second, due);
    }
    return true;
  }));
  for (records::Erasure& erasure : not_isolated) RETURN_IF_ERROR(Isolate(erasure));
  for (const std::shared_ptr<ModelEntry>& model : parts_.catalog->List()) {
    if (model->deleting()) RETURN_IF_ERROR(Delete(*model));
  }

  for (const auto& [shard, erasures] : without_model) RETURN_IF_ERROR(MarkNothingToRetrain(shard, erasures));

  for (const ShardId& shard : ReconcileAll(threads)) {
    const auto deadline = deadlines.find(shard);
    parts_.pool->Notify(shard, deadline == deadlines.end() ? absl::InfiniteFuture() : deadline->second);
  }
  parts_.purger->Notify(not_purged);
  return absl::OkStatus();
}

std::vector<ShardId> Unlearner::ReconcileAll(int threads) {
  struct Item {
    std::shared_ptr<ModelEntry> model;
    uint32_t shard;
    bool up_to_date = false;
  };
  std::vector<Item> items;
  for (const std::shared_ptr<ModelEntry>& model : parts_.catalog->List()) {
    for (uint32_t shard = 0; shard < model->spec().sisa.shards; ++shard) items.push_back({model, shard});
  }
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < items.size(); i = next++) {
      const auto outcome =
          parts_.reconciler->Reconcile(*items[i].model, items[i].shard, /*train=*/false, [] { return false; });
      if (!outcome.ok()) {
        Log(LogLevel::kError, "shard_not_recovered",
            {{"model", items[i].model->uid()}, {"shard", items[i].shard}, {"error", outcome.status().ToString()}});
      }
      items[i].up_to_date = outcome.ok() && *outcome == Reconciler::Outcome::kUpToDate;
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();

  std::vector<ShardId> dirty;
  for (const Item& item : items) {
    if (!item.up_to_date) dirty.push_back({item.model->uid(), item.shard});
  }
  return dirty;
}

}  // namespace expunge
