#include "catalog/rekeyer.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "catalog/ingestor.h"
#include "catalog/sample_codec.h"

namespace expunge {
namespace {

constexpr size_t kMaxWriteBytes = size_t{4} << 20;
constexpr int kReads = 3;  // what a device reads wrong once may be whole

bool IsUnreadable(const absl::Status& status) { return absl::IsNotFound(status) || absl::IsDataLoss(status); }

}  // namespace

absl::StatusOr<bool> Rekeyer::Finish(ModelUid model, const Pseudonym& subject) {
  ASSIGN_OR_RETURN(const auto rekey, keyring_->GetRekey(model, subject));
  if (!rekey) return false;
  CrashPoint("rekey_recorded");
  RETURN_IF_ERROR(SealAnew(*rekey));
  // The old key may go only when nothing needs it any more, also after a loss of power.
  RETURN_IF_ERROR(store_->Sync());
  CrashPoint("rekey_rows_written");
  // The digests of what the subject keeps are others now. Told before the re-keying is off the list: a pass that finds
  // none there may be the last one that was asked for, and what came after it nobody would look at.
  if (const auto entry = catalog_->FindByUid(model)) entry->Bump(rekey->shard, /*gone=*/false);
  RETURN_IF_ERROR(keyring_->FinishRekey(model, subject));
  return true;
}

absl::Status Rekeyer::SealAnew(const Rekey& rekey) {
  const ShardId shard = {rekey.model, rekey.shard};
  ASSIGN_OR_RETURN(const auto row, store_->GetSubject(shard, rekey.subject));
  ASSIGN_OR_RETURN(const auto new_key, keyring_->GetSubjectKey(rekey.model, rekey.subject));
  if (!row || !new_key || row->key_id() != AsBytes(rekey.old_key.id)) return absl::OkStatus();  // was done before

  const std::set<SampleKey> erased(rekey.erased.begin(), rekey.erased.end());
  const std::shared_ptr<ModelEntry> model = catalog_->FindByUid(rekey.model);
  SubjectUpdate update;
  update.shard = rekey.shard;
  update.subject = rekey.subject;
  update.row = *row;  // until the last write, which makes it the new key's
  records::Subject kept_row;
  kept_row.set_key_id(std::string(AsBytes(new_key->id)));
  std::vector<SampleKey> removed;
  size_t bytes = 0;
  for (const records::Subject::Sample& sample : row->samples()) {
    const SampleKey key = SampleKeyFromBytes(sample.key());
    if (erased.contains(key)) {
      removed.push_back(key);
      continue;
    }
    const auto open = [&]() -> absl::StatusOr<records::Sample> {
      ASSIGN_OR_RETURN(const std::string sealed, store_->GetSample(shard, rekey.subject, key));
      auto opened = OpenSample(rekey.old_key.key, rekey.model, rekey.subject, key, sealed);
      if (opened.ok()) return opened;
      return OpenSample(new_key->key, rekey.model, rekey.subject, key, sealed);  // sealed anew before a crash
    };
    absl::StatusOr<records::Sample> content = open();
    for (int read = 1; read < kReads && IsUnreadable(content.status()); ++read) content = open();
    if (IsUnreadable(content.status())) {
      // Without this an unreadable sample would keep the others from being erased.
      Log(LogLevel::kError, "sample_given_up",
          {{"model", rekey.model}, {"shard", rekey.shard}, {"error", content.status().ToString()}});
      removed.push_back(key);
      if (model != nullptr) model->RemoveFromCounts(rekey.shard, {sample.slice()}, /*whole_subject=*/false);
      continue;
    }
    RETURN_IF_ERROR(content.status());
    std::string sealed = SealSample(new_key->key, rekey.model, rekey.subject, key, content->input(), content->label());
    records::Subject::Sample& kept = *kept_row.add_samples();
    kept = sample;
    kept.set_digest(std::string(AsBytes(SampleDigest(new_key->key, key, content->input(), content->label()))));
    kept.set_seal_nonce(sealed.substr(0, DataKey::kNonceBytes));
    bytes += sealed.size();
    update.added.push_back({key, std::move(sealed)});
    if (bytes < kMaxWriteBytes) continue;
    RETURN_IF_ERROR(store_->UpdateSubjects(rekey.model, {&update, 1}));
    update.added.clear();
    bytes = 0;
  }
  update.row = std::move(kept_row);
  update.removed = std::move(removed);
  return store_->UpdateSubjects(rekey.model, {&update, 1}, rekey.erasure);
}

absl::StatusOr<bool> Rekeyer::FinishLocked(const RekeyPlace& place) {
  const StripedLocks::Held held = subject_locks_->Lock({SubjectStripe(place.subject)});
  return Finish(place.model, place.subject);
}

absl::StatusOr<bool> Rekeyer::FinishIn(ShardId shard) {
  ASSIGN_OR_RETURN(const std::vector<RekeyPlace> places, keyring_->ListRekeys());
  absl::Status finished;
  bool any = false;
  for (const RekeyPlace& place : places) {
    if (place.model != shard.model || place.shard != shard.shard) continue;
    finished.Update(FinishLocked(place).status());
    any = true;
  }
  RETURN_IF_ERROR(finished);
  return any;
}

absl::Status Rekeyer::FinishAll() {
  ASSIGN_OR_RETURN(const std::vector<RekeyPlace> places, keyring_->ListRekeys());
  absl::Status finished;
  for (const RekeyPlace& place : places) finished.Update(FinishLocked(place).status());
  return finished;
}

}  // namespace expunge
