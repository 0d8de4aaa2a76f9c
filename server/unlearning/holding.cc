#include "unlearning/holding.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/crash_point.h"
#include "base/status_macros.h"
#include "catalog/sample_codec.h"
#include "sisa/placement.h"

namespace expunge {

namespace {

absl::StatusOr<std::vector<std::shared_ptr<ModelEntry>>> ModelsNamed(const Catalog& catalog,
                                                                     const std::vector<std::string>& names) {
  if (names.empty()) return catalog.List();
  std::vector<std::shared_ptr<ModelEntry>> models;
  for (const std::string& name : std::set<std::string>(names.begin(), names.end())) {
    ASSIGN_OR_RETURN(models.emplace_back(), catalog.Find(name));
  }
  return models;
}

}  // namespace

std::vector<SampleKey> Holding::ErasedKeys() const {
  std::vector<SampleKey> keys;
  for (const auto& sample : erased) keys.push_back(SampleKeyFromBytes(sample.key()));
  return keys;
}

std::vector<uint32_t> Holding::ErasedSlices() const {
  std::vector<uint32_t> slices;
  for (const auto& sample : erased) slices.push_back(sample.slice());
  return slices;
}

uint32_t Holding::FirstSlice() const {
  const uint64_t trained_through = model->trained_through();
  uint32_t first = model->spec().sisa.slices;
  for (const auto* samples : {&erased, &kept}) {
    for (const auto& sample : *samples) {
      if (sample.ingest_batch() <= trained_through) first = std::min(first, sample.slice());
    }
  }
  return first;
}

absl::StatusOr<std::vector<Holding>> FindHoldings(const Catalog& catalog, Store& store,
                                                  const std::vector<std::string>& names, const Pseudonym& subject,
                                                  const std::vector<SampleKey>& samples) {
  ASSIGN_OR_RETURN(std::vector<std::shared_ptr<ModelEntry>> models, ModelsNamed(catalog, names));
  const std::set<SampleKey> wanted(samples.begin(), samples.end());
  std::vector<Holding> holdings;
  for (std::shared_ptr<ModelEntry>& model : models) {
    Holding holding;
    holding.shard = Place(model->spec(), subject, ErasureLikelihood::kUnspecified).shard;
    holding.subject = subject;
    ASSIGN_OR_RETURN(auto row, store.GetSubject({model->uid(), holding.shard}, subject));
    if (!row) continue;
    for (records::Subject::Sample& sample : *row->mutable_samples()) {
      const bool erased = wanted.empty() || wanted.contains(SampleKeyFromBytes(sample.key()));
      (erased ? holding.erased : holding.kept).push_back(std::move(sample));
    }
    if (holding.erased.empty()) continue;
    holding.model = std::move(model);
    holdings.push_back(std::move(holding));
  }
  // One order for everybody, because a Forget shares one lock per model.
  std::sort(holdings.begin(), holdings.end(),
            [](const Holding& a, const Holding& b) { return a.model->uid() < b.model->uid(); });
  return holdings;
}

absl::StatusOr<std::vector<ModelUid>> FindStrayKeys(const Catalog& catalog, const Keyring& keyring,
                                                    const std::vector<std::string>& names, const Pseudonym& subject,
                                                    const std::vector<Holding>& holdings) {
  ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<ModelEntry>> models, ModelsNamed(catalog, names));
  std::vector<ModelUid> strays;
  for (const std::shared_ptr<ModelEntry>& model : models) {
    const bool held = std::any_of(holdings.begin(), holdings.end(),
                                  [&](const Holding& holding) { return holding.model->uid() == model->uid(); });
    if (held) continue;
    ASSIGN_OR_RETURN(const auto key, keyring.GetSubjectKeyId(model->uid(), subject));
    if (key) strays.push_back(model->uid());
  }
  return strays;
}

absl::Status FinishRekey(Store& store, Keyring& keyring, const Rekey& rekey) {
  const ShardId shard = {rekey.model, rekey.shard};
  ASSIGN_OR_RETURN(auto row, store.GetSubject(shard, rekey.subject));
  ASSIGN_OR_RETURN(const auto new_key, keyring.GetSubjectKey(rekey.model, rekey.subject));
  if (row && new_key && row->key_id() == AsBytes(rekey.old_key.id)) {
    SubjectUpdate update;
    update.shard = rekey.shard;
    update.subject = rekey.subject;
    update.row.set_key_id(std::string(AsBytes(new_key->id)));
    const std::set<SampleKey> erased(rekey.erased.begin(), rekey.erased.end());
    for (records::Subject::Sample& sample : *row->mutable_samples()) {
      const SampleKey key = SampleKeyFromBytes(sample.key());
      if (erased.contains(key)) {
        update.removed.push_back(key);
        continue;
      }
      ASSIGN_OR_RETURN(const std::string sealed, store.GetSample(shard, rekey.subject, key));
      ASSIGN_OR_RETURN(const records::Sample kept,
                       OpenSample(rekey.old_key.key, rekey.model, rekey.subject, key, sealed));
      std::string resealed = SealSample(new_key->key, rekey.model, rekey.subject, key, kept.input(), kept.label());
      sample.set_digest(std::string(AsBytes(SampleDigest(new_key->key, key, kept.input(), kept.label()))));
      sample.set_seal_nonce(resealed.substr(0, DataKey::kNonceBytes));
      *update.row.add_samples() = std::move(sample);
      update.added.push_back({key, std::move(resealed)});
    }
    RETURN_IF_ERROR(store.UpdateSubjects(rekey.model, {&update, 1}, rekey.erasure));
  }
  // The old key may go only when nothing needs it any more, also after a loss of power.
  RETURN_IF_ERROR(store.Sync());
  CrashPoint("rekey_rows_written");
  return keyring.FinishRekey(rekey.model, rekey.subject);
}

}  // namespace expunge
