#include "unlearning/unlearner.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/crash_point.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "catalog/ingestor.h"

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
  std::string samples;
  for (const std::string& id : std::set<std::string>(request.sample_ids.begin(), request.sample_ids.end())) {
    samples += LittleEndian(id.size()) + id;
  }
  return keyring.PepperedHash({"forget request", request.subject_id, absl::StrCat(static_cast<int>(request.regulation)),
                               absl::StrCat(submitted), absl::StrJoin(models, "/"), samples});
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

absl::StatusOr<ForgetResult> Unlearner::Forget(const ForgetRequest& request) {
  const Pseudonym subject = parts_.keyring->PseudonymOf(request.subject_id);
  const std::string uuid = ErasureUuid(*parts_.keyring, request);
  const Digest fingerprint = RequestFingerprint(*parts_.keyring, request);
  ForgetResult result;
  result.subject_nonce =
      parts_.keyring->PepperedHash({"subject nonce", BytesOf(request.request_id), request.subject_id});

  // Held over the writes: one subject's changes, and one request's repetitions, come one after the other.
  const auto held = parts_.subject_locks->Lock({SubjectStripe(subject), std::hash<std::string>()(uuid)});
  CrashPoint("forget_begun");
  ASSIGN_OR_RETURN(auto known, parts_.keyring->erasures().Find(uuid));
  if (known) {
    if (known->request_fingerprint() != AsBytes(fingerprint)) {
      return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                   "request_id was used before for another request");
    }
    // An attempt that failed half-way was not acknowledged; its repetition finishes it.
    if (IsUnfinished(*known) && known->isolated_time_micros() == 0 && !request.validate_only) {
      RETURN_IF_ERROR(Isolate(subject, *known));
      RETURN_IF_ERROR(Announce(*known));
    }
    result.erasure = *std::move(known);
    return result;
  }

  std::vector<SampleKey> samples;
  for (const std::string& id : request.sample_ids) {
    samples.push_back(parts_.keyring->SampleKeyOf(request.subject_id, id));
  }
  ASSIGN_OR_RETURN(std::vector<Holding> holdings,
                   FindHoldings(*parts_.catalog, *parts_.store, request.models, subject, samples));
  records::Erasure& erasure = result.erasure;
  erasure.set_uuid(uuid);
  erasure.set_subject(std::string(AsBytes(parts_.keyring->ForgottenName(subject))));
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
  RETURN_IF_ERROR(RecordAndIsolate(request, subject, samples, std::move(holdings), erasure));
  return result;
}

void Unlearner::AddTasks(const std::vector<Holding>& holdings, records::Erasure& erasure) {
  for (const Holding& holding : holdings) {
    records::Erasure::ShardTask& task = *erasure.add_tasks();
    task.set_model(holding.model->uid());
    task.set_model_name(holding.model->name());
    task.set_shard(holding.shard);
    task.set_first_slice(holding.FirstSlice());
    task.set_samples_erased(holding.erased.size());
    erasure.set_samples_erased(erasure.samples_erased() + holding.erased.size());
  }
}

absl::Status Unlearner::RecordAndIsolate(const ForgetRequest& request, const Pseudonym& subject,
                                         const std::vector<SampleKey>& samples, std::vector<Holding> holdings,
                                         records::Erasure& erasure) {
  Keyring::ErasureWrite write;
  write.erasure = &erasure;
  write.subject = subject;
  write.suppress_samples = samples;
  if (request.models.empty()) write.suppress_in.push_back(kEveryModel);
  for (const std::string& name : request.models) {
    ASSIGN_OR_RETURN(const auto model, parts_.catalog->Find(name));
    write.suppress_in.push_back(model->uid());
  }

  std::vector<std::shared_lock<std::shared_mutex>> training_held;
  for (const Holding& holding : holdings) training_held.emplace_back(holding.model->train_mutex);
  bool owes_purge = parts_.ledger->OwesPurge(erasure.subject());
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
  std::list<SubjectKey> keys;  // of those who keep samples
  for (const Holding& holding : holdings) RETURN_IF_ERROR(AddToWrite(holding, keys, write));
  if (samples.empty()) {
    ASSIGN_OR_RETURN(const auto strays,
                     FindStrayKeys(*parts_.catalog, *parts_.keyring, request.models, subject, holdings));
    write.forgotten_in.insert(write.forgotten_in.end(), strays.begin(), strays.end());
    owes_purge = owes_purge || !strays.empty();
  }
  erasure.set_state(records::Erasure::IN_PROGRESS);
  if (holdings.empty()) erasure.set_retrained_time_micros(erasure.received_time_micros());
  const bool complete = holdings.empty() && !owes_purge;
  if (complete) CompleteAtOnce(erasure);

  erasure.set_sequence(parts_.ledger->BeginIsolation());
  const auto& tasks = erasure.tasks();  // one for each holding
  for (size_t i = 0; i < holdings.size(); ++i) {
    holdings[i].model->BeginErasure(holdings[i].shard, tasks[static_cast<int>(i)].first_slice());
  }
  if (absl::Status recorded = parts_.ledger->Record(write); !recorded.ok()) {
    for (size_t i = 0; i < holdings.size(); ++i) {
      holdings[i].model->EndErasure(holdings[i].shard, tasks[static_cast<int>(i)].first_slice(), /*erased=*/false);
    }
    parts_.ledger->EndIsolation(erasure.sequence());
    return recorded;
  }
  CrashPoint("forget_recorded");
  for (const Holding& holding : holdings) {
    RemoveRows(holding, erasure.sequence());
    holding.model->RemoveFromCounts(holding.shard, holding.ErasedSlices(), holding.whole());
  }
  CrashPoint("forget_rows_removed");
  if (complete) {
    parts_.ledger->EndIsolation(erasure.sequence());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Isolate(subject, erasure));
  return Announce(erasure);
}

absl::Status Unlearner::AddToWrite(const Holding& holding, std::list<SubjectKey>& keys, Keyring::ErasureWrite& write) {
  const ModelUid uid = holding.model->uid();
  for (const auto& sample : holding.erased) write.seal_nonces.push_back(sample.seal_nonce());
  // train_mutex is held: what is trained on, and with it the first slice, stays as it is.
  if (const uint32_t first_slice = holding.FirstSlice(); first_slice < holding.model->spec().sisa.slices) {
    write.checkpoints.push_back({{uid, holding.shard}, first_slice});
  }
  ASSIGN_OR_RETURN(const auto unfinished, parts_.keyring->GetRekey(uid, holding.subject));
  if (unfinished) RETURN_IF_ERROR(FinishRekey(*parts_.store, *parts_.keyring, *unfinished));
  if (holding.whole()) {
    write.forgotten_in.push_back(uid);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(auto old_key, parts_.keyring->GetSubjectKey(uid, holding.subject));
  if (!old_key) {  // none of the samples is one any more
    write.forgotten_in.push_back(uid);
    return absl::OkStatus();
  }
  keys.push_back(*std::move(old_key));
  const SubjectKey* const old_one = &keys.back();
  keys.push_back(SubjectKey::Random());
  write.partial.push_back({uid, holding.shard, old_one, &keys.back(), holding.ErasedKeys()});
  return absl::OkStatus();
}

void Unlearner::RemoveRows(const Holding& holding, ErasureSequence erasure) {
  if (!holding.whole()) return;  // Isolate does it
  SubjectUpdate update;
  update.shard = holding.shard;
  update.subject = holding.subject;
  update.removed = holding.ErasedKeys();
  // Without their key the rows are nothing but waste: whoever reconciles the shard next removes them as well.
  if (const absl::Status removed = parts_.store->UpdateSubjects(holding.model->uid(), {&update, 1}, erasure);
      !removed.ok()) {
    Log(LogLevel::kWarning, "rows_not_removed", {{"model", holding.model->uid()}, {"error", removed.ToString()}});
  }
}

absl::Status Unlearner::Isolate(const Pseudonym& subject, records::Erasure& erasure) {
  absl::Status rekeyed;
  for (const auto& task : erasure.tasks()) {
    const std::shared_ptr<ModelEntry> model = parts_.catalog->FindByUid(task.model());
    if (model == nullptr) continue;  // deleted meanwhile, its keys with it
    const auto rekey = parts_.keyring->GetRekey(task.model(), subject);
    if (!rekey.ok()) {
      rekeyed.Update(rekey.status());
    } else if (*rekey) {
      CrashPoint("rekey_recorded");
      rekeyed.Update(FinishRekey(*parts_.store, *parts_.keyring, **rekey));
    }
  }
  for (const auto& task : erasure.tasks()) {
    const std::shared_ptr<ModelEntry> model = parts_.catalog->FindByUid(task.model());
    if (model == nullptr) continue;
    // Also when the samples that stay could not be sealed anew: what knew the others must not answer. The shard then
    // stays closed to commits until the request is repeated.
    const uint64_t generation = rekeyed.ok() ? model->EndErasure(task.shard(), task.first_slice(), /*erased=*/true)
                                             : model->Bump(task.shard(), /*gone=*/false);
    model->ensemble().Withdraw(task.shard(), task.first_slice(), generation);
  }
  RETURN_IF_ERROR(rekeyed);
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
    RETURN_IF_ERROR(parts_.keyring->DestroyModelKeys(model.uid()));
    model.set_keys_gone();
  }
  parts_.pool->Drop(model.uid());
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    ASSIGN_OR_RETURN(const auto pending, parts_.keyring->erasures().PendingIn({model.uid(), shard}));
    if (!pending.empty()) RETURN_IF_ERROR(MarkNothingToRetrain({model.uid(), shard}, pending));
  }
  RETURN_IF_ERROR(parts_.store->DeleteModel(model.uid()));
  // Last: while anything failed before, the model can be deleted again.
  parts_.catalog->Remove(model);
  parts_.purger->Notify({});
  return absl::OkStatus();
}

}  // namespace expunge
