#include "catalog/ingestor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "catalog/sample_codec.h"

namespace expunge {

struct Ingestor::Arrival {
  std::vector<const NewSample*> samples;
  std::optional<SubjectKey> key;
  bool new_key = false;
  std::optional<records::Subject> dead_row;  // is stored, but its key is gone
  Keyring::Suppression suppression;
  bool consent = false;
  SubjectUpdate update;
};

size_t SubjectStripe(const Pseudonym& subject) {
  size_t stripe = 0;
  for (size_t i = 0; i < sizeof(stripe); ++i) stripe = stripe << 8 | subject[i];
  return stripe;
}

Ingestor::Ingestor(Store* store, Keyring* keyring, Rekeyer* rekeyer, StripedLocks* subject_locks)
    : store_(store), keyring_(keyring), rekeyer_(rekeyer), subject_locks_(subject_locks) {}

absl::StatusOr<IngestCounts> Ingestor::Ingest(ModelEntry& model, absl::Span<const NewSample> samples,
                                              bool new_consent) {
  std::vector<Arrival> arrivals;
  std::vector<size_t> stripes;
  absl::flat_hash_map<std::string_view, size_t> positions;
  for (const NewSample& sample : samples) {
    const auto [position, added] = positions.try_emplace(sample.subject_id, arrivals.size());
    if (added) {
      arrivals.emplace_back().update.subject = keyring_->PseudonymOf(sample.subject_id);
      stripes.push_back(SubjectStripe(arrivals.back().update.subject));
    }
    arrivals[position->second].samples.push_back(&sample);
  }

  const StripedLocks::Held held = subject_locks_->Lock(std::move(stripes));
  IngestCounts counts;
  for (Arrival& arrival : arrivals) {
    ASSIGN_OR_RETURN(const bool accepted, Accept(model, new_consent, arrival));
    if (accepted) {
      RETURN_IF_ERROR(AddSamples(model, arrival, counts));
    } else {
      counts.forgotten += arrival.samples.size();
    }
  }
  std::erase_if(arrivals, [](const Arrival& arrival) { return arrival.update.added.empty(); });
  if (!arrivals.empty()) RETURN_IF_ERROR(Write(model, std::move(arrivals)));
  return counts;
}

absl::StatusOr<bool> Ingestor::Accept(const ModelEntry& model, bool new_consent, Arrival& arrival) {
  SubjectUpdate& update = arrival.update;
  ASSIGN_OR_RETURN(arrival.suppression, keyring_->GetSuppression(model.uid(), update.subject));
  if (arrival.suppression.subject && !new_consent) return false;
  arrival.consent = new_consent && (arrival.suppression.subject || arrival.suppression.some_samples);
  update.shard = Place(model.spec(), update.subject, ErasureLikelihood::kUnspecified).shard;

  ASSIGN_OR_RETURN(auto row, store_->GetSubject({model.uid(), update.shard}, update.subject));
  if (row) {
    ASSIGN_OR_RETURN(arrival.key, keyring_->GetSubjectKey(model.uid(), update.subject));
  }
  if (arrival.key && row->key_id() == AsBytes(arrival.key->id)) {
    update.row = *std::move(row);
    return true;
  }
  // A new subject, or one whose key is gone and whose old samples therefore are none any more.
  ASSIGN_OR_RETURN(const bool rekeyed, rekeyer_->Finish(model.uid(), update.subject));
  if (rekeyed) return Accept(model, new_consent, arrival);
  arrival.dead_row = std::move(row);
  arrival.key = SubjectKey::Random();
  arrival.new_key = true;
  update.row.set_key_id(std::string(AsBytes(arrival.key->id)));
  return true;
}

absl::Status Ingestor::AddSamples(const ModelEntry& model, Arrival& arrival, IngestCounts& counts) const {
  auto& samples = *arrival.update.row.mutable_samples();
  absl::flat_hash_map<std::string, std::string> digests;  // by sample key
  for (const auto& sample : samples) digests.emplace(sample.key(), sample.digest());
  for (const NewSample* sample : arrival.samples) {
    const SampleKey key = keyring_->SampleKeyOf(sample->subject_id, sample->sample_id);
    if (arrival.suppression.some_samples && !arrival.consent) {
      ASSIGN_OR_RETURN(const bool forgotten, keyring_->IsSampleSuppressed(model.uid(), arrival.update.subject, key));
      if (forgotten) {
        ++counts.forgotten;
        continue;
      }
    }
    const Digest digest = SampleDigest(arrival.key->key, key, sample->input, sample->label);
    const auto [known, is_new] = digests.try_emplace(std::string(AsBytes(key)), AsBytes(digest));
    if (!is_new) {
      ++(known->second == AsBytes(digest) ? counts.unchanged : counts.conflicting);
      continue;
    }
    std::string sealed =
        SealSample(arrival.key->key, model.uid(), arrival.update.subject, key, sample->input, sample->label);
    records::Subject::Sample& added = *samples.Add();
    added.set_key(std::string(AsBytes(key)));
    added.set_digest(std::string(AsBytes(digest)));
    added.set_slice(Place(model.spec(), arrival.update.subject, sample->likelihood).slice);
    added.set_seal_nonce(sealed.substr(0, DataKey::kNonceBytes));
    arrival.update.added.push_back({key, std::move(sealed)});
    ++counts.ingested;
  }
  return absl::OkStatus();
}

absl::Status Ingestor::RemoveDeadRows(ModelUid model, absl::Span<const Arrival> arrivals) {
  std::vector<SubjectUpdate> dead;
  for (const Arrival& arrival : arrivals) {
    if (!arrival.dead_row) continue;
    SubjectUpdate& update = dead.emplace_back();
    update.shard = arrival.update.shard;
    update.subject = arrival.update.subject;
    for (const auto& sample : arrival.dead_row->samples()) update.removed.push_back(SampleKeyFromBytes(sample.key()));
  }
  if (dead.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(store_->UpdateSubjects(model, dead));
  return store_->Sync();
}

absl::Status Ingestor::Write(ModelEntry& model, std::vector<Arrival> arrivals) {
  std::vector<Keyring::Admission> admissions;
  for (const Arrival& arrival : arrivals) {
    if (!arrival.new_key && !arrival.consent) continue;
    Keyring::Admission& admission = admissions.emplace_back();
    admission.subject = arrival.update.subject;
    if (arrival.new_key) admission.new_key = &*arrival.key;
    admission.consent = arrival.consent;
    for (const SealedSample& sample : arrival.update.added) admission.samples.push_back(sample.key);
  }

  struct Growth {
    uint64_t subjects = 0;
    std::vector<uint64_t> slice_samples;
  };
  std::vector<Growth> growth(model.spec().sisa.shards);
  {
    // Held over the write, so that TrainModel sees every batch that it counts.
    MutexLock lock(&model.record_mutex);
    if (model.record.deleting())
      return Error(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND", "the model is being deleted");
    RETURN_IF_ERROR(RemoveDeadRows(model.uid(), arrivals));
    // Keys first: a sample without its key is not a sample, a key without samples harms nobody.
    RETURN_IF_ERROR(keyring_->AdmitSubjects(model.uid(), admissions));
    CrashPoint("ingest_keys_created");
    records::Model record = model.record;
    record.set_ingest_batch(record.ingest_batch() + 1);
    std::vector<SubjectUpdate> updates;
    for (Arrival& arrival : arrivals) {
      Growth& shard = growth[arrival.update.shard];
      shard.slice_samples.resize(model.spec().sisa.slices);
      shard.subjects += arrival.new_key;
      for (records::Subject::Sample& sample : *arrival.update.row.mutable_samples()) {
        if (sample.ingest_batch() != 0) continue;  // stored before
        sample.set_ingest_batch(record.ingest_batch());
        ++shard.slice_samples[sample.slice()];
      }
      auto& samples = *arrival.update.row.mutable_samples();
      std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.key() < b.key(); });
      updates.push_back(std::move(arrival.update));
    }
    RETURN_IF_ERROR(store_->ApplyIngest(model.uid(), record, updates));
    CrashPoint("ingest_written");
    model.record = std::move(record);
  }

  for (uint32_t k = 0; k < growth.size(); ++k) {
    if (growth[k].slice_samples.empty()) continue;
    Shard& shard = model.shard(k);
    MutexLock lock(&shard.mutex);
    shard.status.subjects += growth[k].subjects;
    for (size_t r = 0; r < growth[k].slice_samples.size(); ++r)
      shard.status.slices[r].samples += growth[k].slice_samples[r];
  }
  return absl::OkStatus();
}

absl::Status Ingestor::Commit() {
  RETURN_IF_ERROR(keyring_->Sync());
  return store_->Sync();
}

}  // namespace expunge
