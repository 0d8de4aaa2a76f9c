#include <algorithm>
#include <functional>
#include <list>
#include <map>
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
#include "proof/statement.h"
#include "unlearning/checkpoint_codec.h"
#include "unlearning/holding.h"
#include "unlearning/unlearner.h"

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

void AddTasks(const std::vector<Holding>& holdings, records::Erasure& erasure) {
  for (const Holding& holding : holdings) {
    records::Erasure::ShardTask& task = *erasure.add_tasks();
    task.set_model(holding.model->uid());
    task.set_model_name(holding.model->name());
    task.set_shard(holding.shard);
    task.set_first_slice(holding.FirstSlice());
    task.set_slices(holding.model->spec().sisa.slices);
    task.set_samples_erased(holding.erased.size());
    erasure.set_samples_erased(erasure.samples_erased() + holding.erased.size());
  }
}

}  // namespace

// The checkpoints whose keys the erasure destroys. While it is under way no other takes their place.
void NameRetired(const Holding& holding, records::Erasure::ShardTask& task) {
  const ShardStatus status = holding.model->Status(holding.shard);
  for (uint32_t slice = task.first_slice(); slice < status.slices.size(); ++slice) {
    if (status.slices[slice].checkpoint) *task.add_retired() = ToRecord(slice, status.slices[slice]);
  }
}

// One request on its way. `result` is where its answer goes, and where its erasure lies meanwhile.
struct Unlearner::Forgetting {
  const ForgetRequest* request = nullptr;
  absl::StatusOr<ForgetResult>* result = nullptr;
  Pseudonym subject;
  std::string uuid;
  Digest fingerprint = {};
  std::vector<SampleKey> samples;
  std::vector<Holding> holdings;  // one for each task of the erasure
  std::list<SubjectKey> keys;     // of those who keep samples; `write` points at them
  Keyring::ErasureWrite write;

  records::Erasure& erasure() const { return (*result)->erasure; }
  uint32_t first_slice(size_t holding) const { return erasure().tasks(static_cast<int>(holding)).first_slice(); }
};

absl::StatusOr<ForgetResult> Unlearner::Forget(const ForgetRequest& request) {
  return std::move(ForgetAll({&request, 1}).front());
}

std::vector<absl::StatusOr<ForgetResult>> Unlearner::ForgetAll(absl::Span<const ForgetRequest> requests) {
  std::vector<absl::StatusOr<ForgetResult>> results(requests.size(), ForgetResult());
  std::vector<Forgetting> waiting(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    Forgetting& one = waiting[i];
    one.request = &requests[i];
    one.result = &results[i];
    one.subject = parts_.keyring->PseudonymOf(one.request->subject_id);
    one.uuid = ErasureUuid(*parts_.keyring, *one.request);
    one.fingerprint = RequestFingerprint(*parts_.keyring, *one.request);
    results[i]->subject_nonce =
        parts_.keyring->PepperedHash({"subject nonce", BytesOf(one.request->request_id), one.request->subject_id});
  }
  // A request must see what an earlier one of the same subject, or with the same id, has done.
  while (!waiting.empty()) {
    std::set<Pseudonym> subjects;
    std::set<std::string> uuids;
    std::vector<Forgetting> batch, later;
    for (Forgetting& one : waiting) {
      const bool first = !subjects.contains(one.subject) && !uuids.contains(one.uuid);
      subjects.insert(one.subject);
      uuids.insert(one.uuid);
      (first ? batch : later).push_back(std::move(one));
    }
    ForgetBatch(std::move(batch));
    waiting = std::move(later);
  }
  // Those with lower numbers that are being written beside these: a Predict from now on says that it reflects these.
  ErasureSequence newest = 0;
  for (const auto& result : results) {
    if (result.ok()) newest = std::max(newest, result->erasure.sequence());
  }
  parts_.ledger->AwaitIsolated(newest);
  return results;
}

void Unlearner::ForgetBatch(std::vector<Forgetting> batch) {
  // Held over the writes: one subject's changes, and one request's repetitions, come one after the other.
  std::vector<size_t> stripes;
  for (const Forgetting& one : batch) {
    stripes.push_back(SubjectStripe(one.subject));
    stripes.push_back(std::hash<std::string>()(one.uuid));
  }
  const StripedLocks::Held subjects_held = parts_.subject_locks->Lock(std::move(stripes));
  CrashPoint("forget_begun");
  // Takes out those that `step` answers, or that fail in it.
  const auto keep_those = [&batch](const std::function<absl::StatusOr<bool>(Forgetting&)>& step) {
    std::erase_if(batch, [&](Forgetting& one) {
      const absl::StatusOr<bool> goes_on = step(one);
      if (!goes_on.ok()) *one.result = goes_on.status();
      return !goes_on.ok() || !*goes_on;
    });
  };
  keep_those([this](Forgetting& one) { return Examine(one); });

  std::map<ModelUid, std::shared_ptr<ModelEntry>> models;  // ascending: one order for everybody
  for (const Forgetting& one : batch) {
    for (const Holding& holding : one.holdings) models.emplace(holding.model->uid(), holding.model);
  }
  std::vector<std::shared_lock<std::shared_mutex>> training_held;
  for (const auto& [uid, model] : models) training_held.emplace_back(model->train_mutex);
  keep_those([this](Forgetting& one) { return Stage(one); });
  // Or every repetition would stop a vote for a moment, for nothing.
  keep_those([this](Forgetting&) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(parts_.keyring->CheckWritable());
    return true;
  });
  if (batch.empty()) return;

  Withdraw(batch);
  CrashPoint("forget_withdrawn");
  std::vector<Keyring::ErasureWrite> writes;
  std::vector<records::Erasure*> erasures;
  for (Forgetting& one : batch) {
    erasures.push_back(&one.erasure());
    writes.push_back(std::move(one.write));
  }
  if (const absl::Status recorded = parts_.ledger->Record(writes, erasures); !recorded.ok()) {
    GiveUp(batch, recorded);
    return;
  }
  CrashPoint("forget_recorded");
  RemoveRows(batch);
  CrashPoint("forget_rows_removed");
  for (const Forgetting& one : batch) {
    for (size_t i = 0; i < one.holdings.size(); ++i) {
      const Holding& holding = one.holdings[i];
      holding.model->EndErasure(holding.shard, one.first_slice(i), /*erased=*/true);
      if (!holding.whole()) holding.model->NeedsLook(holding.shard);  // and what it keeps is to be sealed anew
    }
    parts_.ledger->EndIsolation(one.erasure().sequence());
    if (!IsUnfinished(one.erasure())) continue;
    if (const absl::Status announced = Announce(one.erasure()); !announced.ok()) *one.result = announced;
  }
  CrashPoint("forget_announced");
}

// False: answered.
absl::StatusOr<bool> Unlearner::Examine(Forgetting& one) {
  const ForgetRequest& request = *one.request;
  ASSIGN_OR_RETURN(auto known, parts_.keyring->erasures().Find(one.uuid));
  if (known) {
    if (known->request_fingerprint() != AsBytes(one.fingerprint)) {
      return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                   "request_id was used before for another request");
    }
    one.erasure() = *std::move(known);
    return false;
  }
  for (const std::string& id : request.sample_ids) {
    one.samples.push_back(parts_.keyring->SampleKeyOf(request.subject_id, id));
  }
  ASSIGN_OR_RETURN(one.holdings, FindHoldings(*parts_.catalog, *parts_.store, *parts_.keyring, *parts_.rekeyer,
                                              request.models, one.subject, one.samples));
  records::Erasure& erasure = one.erasure();
  erasure.set_uuid(one.uuid);
  erasure.set_subject(std::string(AsBytes(parts_.keyring->ForgottenName(one.subject))));
  erasure.set_request_fingerprint(std::string(AsBytes(one.fingerprint)));
  erasure.set_regulation(static_cast<uint32_t>(request.regulation));
  erasure.set_subject_commitment(
      std::string(AsBytes(CommitToSubject((*one.result)->subject_nonce, request.subject_id))));
  erasure.set_some_samples(!request.sample_ids.empty());
  if (request.submitted_time) erasure.set_submitted_time_micros(absl::ToUnixMicros(*request.submitted_time));
  const absl::Time now = parts_.clock->Now();
  erasure.set_received_time_micros(absl::ToUnixMicros(now));
  erasure.set_due_time_micros(absl::ToUnixMicros(DueTime(request.regulation, now)));
  if (!request.validate_only) return true;
  AddTasks(one.holdings, erasure);
  erasure.set_state(records::Erasure::PENDING);
  return false;
}

// Always true: goes on.
absl::StatusOr<bool> Unlearner::Stage(Forgetting& one) {
  const std::vector<std::string>& names = one.request->models;
  records::Erasure& erasure = one.erasure();
  Keyring::ErasureWrite& write = one.write;
  write.erasure = &erasure;
  write.subject = one.subject;
  write.suppress_samples = one.samples;
  if (names.empty()) write.suppress_in.push_back(kEveryModel);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const auto model, parts_.catalog->Find(name));
    write.suppress_in.push_back(model->uid());
  }
  bool owes_purge = parts_.ledger->OwesPurge(erasure.subject()) || parts_.purger->OwesDeletion();
  for (const Holding& holding : one.holdings) {
    if (!holding.model->deleting()) continue;
    if (!holding.model->keys_gone()) {
      return WithRetryAfter(Error(absl::StatusCode::kUnavailable, "MODEL_BEING_DELETED",
                                  "a model that holds the subject is being deleted"),
                            absl::Seconds(1));
    }
    owes_purge = true;
  }
  std::erase_if(one.holdings, [](const Holding& holding) { return holding.model->deleting(); });
  AddTasks(one.holdings, erasure);
  for (const Holding& holding : one.holdings) RETURN_IF_ERROR(AddToWrite(holding, one.keys, write));
  if (one.samples.empty()) {
    ASSIGN_OR_RETURN(const auto strays,
                     FindStrayKeys(*parts_.catalog, *parts_.keyring, names, one.subject, one.holdings));
    write.forgotten_in.insert(write.forgotten_in.end(), strays.begin(), strays.end());
    owes_purge = owes_purge || !strays.empty();
  }
  erasure.set_state(records::Erasure::IN_PROGRESS);
  if (one.holdings.empty()) erasure.set_retrained_time_micros(erasure.received_time_micros());
  if (one.holdings.empty() && !owes_purge) CompleteAtOnce(erasure);
  return true;
}

absl::Status Unlearner::AddToWrite(const Holding& holding, std::list<SubjectKey>& keys, Keyring::ErasureWrite& write) {
  const ModelUid uid = holding.model->uid();
  for (const auto& sample : holding.erased) write.seal_nonces.push_back(sample.seal_nonce());
  // train_mutex is held: what is trained on, and with it the first slice, stays as it is.
  if (const uint32_t first_slice = holding.FirstSlice(); first_slice < holding.model->spec().sisa.slices) {
    write.checkpoints.push_back({{uid, holding.shard}, first_slice});
  }
  if (holding.whole()) {
    write.forgotten_in.push_back(uid);
    return absl::OkStatus();
  }
  // There is one: without it FindHoldings finds nothing, and who destroys keys waits for the locks that are held.
  ASSIGN_OR_RETURN(auto old_key, parts_.keyring->GetSubjectKey(uid, holding.subject));
  keys.push_back(std::move(old_key).value());
  const SubjectKey* const old_one = &keys.back();
  keys.push_back(SubjectKey::Random());
  write.partial.push_back({uid, holding.shard, old_one, &keys.back(), holding.ErasedKeys()});
  return absl::OkStatus();
}

void Unlearner::Withdraw(const std::vector<Forgetting>& batch) {
  struct Withdrawal {
    uint32_t first_slice = 0;
    uint64_t generation = 0;
  };
  std::map<std::pair<ModelEntry*, uint32_t>, Withdrawal> withdrawals;
  for (const Forgetting& one : batch) {
    one.erasure().set_sequence(parts_.ledger->BeginIsolation());
    for (size_t i = 0; i < one.holdings.size(); ++i) {
      const Holding& holding = one.holdings[i];
      const uint32_t first_slice = one.first_slice(i);
      const uint64_t generation = holding.model->BeginErasure(holding.shard, first_slice);
      NameRetired(holding, *one.erasure().mutable_tasks(static_cast<int>(i)));
      if (first_slice == holding.model->spec().sisa.slices) continue;  // nothing was trained on them
      const auto [place, added] =
          withdrawals.try_emplace({holding.model.get(), holding.shard}, Withdrawal{first_slice, generation});
      place->second.first_slice = std::min(place->second.first_slice, first_slice);
      place->second.generation = generation;
    }
  }
  for (const auto& [place, withdrawal] : withdrawals) {
    place.first->ensemble().Withdraw(place.second, withdrawal.first_slice, withdrawal.generation);
  }
  const int64_t now = absl::ToUnixMicros(parts_.clock->Now());
  for (const Forgetting& one : batch) {
    if (IsUnfinished(one.erasure())) one.erasure().set_isolated_time_micros(now);
  }
}

void Unlearner::GiveUp(const std::vector<Forgetting>& batch, const absl::Status& why) {
  for (const Forgetting& one : batch) {
    for (size_t i = 0; i < one.holdings.size(); ++i) {
      const Holding& holding = one.holdings[i];
      holding.model->EndErasure(holding.shard, one.first_slice(i), /*erased=*/false);
      // What was withdrawn may vote again.
      parts_.publisher->Notify({holding.model->uid(), holding.shard});
      parts_.pool->Notify({holding.model->uid(), holding.shard}, absl::InfiniteFuture());
    }
    parts_.ledger->EndIsolation(one.erasure().sequence());
    *one.result = why;
  }
}

void Unlearner::RemoveRows(const std::vector<Forgetting>& batch) {
  // Of all, also of those that hold nothing: a keyring without them is an old one.
  ErasureSequence newest = 0;
  std::map<ModelUid, std::vector<SubjectUpdate>> updates;
  std::map<ShardId, uint32_t> first_slices;
  for (const Forgetting& one : batch) {
    newest = std::max(newest, one.erasure().sequence());
    for (size_t i = 0; i < one.holdings.size(); ++i) {
      const Holding& holding = one.holdings[i];
      const auto [first, added] = first_slices.try_emplace({holding.model->uid(), holding.shard}, one.first_slice(i));
      first->second = std::min(first->second, one.first_slice(i));
      holding.model->RemoveFromCounts(holding.shard, holding.ErasedSlices(), holding.whole());
      if (!holding.whole()) continue;  // Rekeyer does it
      SubjectUpdate& update = updates[holding.model->uid()].emplace_back();
      update.shard = holding.shard;
      update.subject = holding.subject;
      update.removed = holding.ErasedKeys();
    }
  }
  if (updates.empty()) updates[kEveryModel];
  // Without their keys the rows are nothing but waste: whoever reconciles their shards next removes them as well.
  const auto see_to = [&batch](ModelUid model, const absl::Status& removed) {
    if (removed.ok()) return;
    Log(LogLevel::kWarning, "rows_not_removed", {{"model", model}, {"error", removed.ToString()}});
    for (const Forgetting& one : batch) {
      for (const Holding& holding : one.holdings) {
        if (holding.model->uid() == model) holding.model->NeedsLook(holding.shard);
      }
    }
  };
  for (const auto& [shard, first_slice] : first_slices) {
    see_to(shard.model, parts_.store->DeleteCheckpoints(shard, first_slice));
  }
  for (const auto& [model, of_subjects] : updates) {
    see_to(model, parts_.store->UpdateSubjects(model, of_subjects, newest));
  }
}

}  // namespace expunge
