#include "unlearning/holding.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/status_macros.h"
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

// Without its key a row holds nothing; whoever reconciles the shard removes it.
absl::StatusOr<std::optional<records::Subject>> LivingRow(Store& store, const Keyring& keyring, Rekeyer& rekeyer,
                                                          ShardId shard, const Pseudonym& subject) {
  ASSIGN_OR_RETURN(auto row, store.GetSubject(shard, subject));
  if (!row) return std::nullopt;
  // Also when the row is the new key's already: the old one must not outlive what this erasure takes.
  ASSIGN_OR_RETURN(const bool rekeyed, rekeyer.Finish(shard.model, subject));
  if (rekeyed) {
    ASSIGN_OR_RETURN(row, store.GetSubject(shard, subject));
  }
  ASSIGN_OR_RETURN(const auto key_id, keyring.GetSubjectKeyId(shard.model, subject));
  if (!row || !key_id || row->key_id() != AsBytes(*key_id)) return std::nullopt;
  return row;
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

absl::StatusOr<std::vector<Holding>> FindHoldings(const Catalog& catalog, Store& store, const Keyring& keyring,
                                                  Rekeyer& rekeyer, const std::vector<std::string>& names,
                                                  const Pseudonym& subject, const std::vector<SampleKey>& samples) {
  ASSIGN_OR_RETURN(std::vector<std::shared_ptr<ModelEntry>> models, ModelsNamed(catalog, names));
  const std::set<SampleKey> wanted(samples.begin(), samples.end());
  std::vector<Holding> holdings;
  for (std::shared_ptr<ModelEntry>& model : models) {
    Holding holding;
    holding.shard = Place(model->spec(), subject, ErasureLikelihood::kUnspecified).shard;
    holding.subject = subject;
    ASSIGN_OR_RETURN(auto row, LivingRow(store, keyring, rekeyer, {model->uid(), holding.shard}, subject));
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

}  // namespace expunge
