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
  std::optional<DataKey> key;
  bool new_key = false;
  bool lost_key = false;  // the row that is stored has no key any more
  SubjectUpdate update;
};

size_t SubjectStripe(const Pseudonym& subject) {
  size_t stripe = 0;
  for (size_t i = 0; i < sizeof(stripe); ++i) stripe = stripe << 8 | subject[i];
  return stripe;
}

Ingestor::Ingestor(Store* store, Keyring* keyring, StripedLocks* subject_locks)
    : store_(store), keyring_(keyring), subject_locks_(subject_locks) {}

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
      AddSamples(model, arrival, counts);
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
  ASSIGN_OR_RETURN(const bool suppressed, store_->IsSuppressed(model.uid(), update.subject));
  if (suppressed && !new_consent) return false;
  update.lift_suppression = suppressed;
  update.shard = Place(model.spec(), update.subject, ErasureLikelihood::kUnspecified).shard;

  ASSIGN_OR_RETURN(auto row, store_->GetSubject({model.uid(), update.shard}, update.subject));
  if (row) {
    ASSIGN_OR_RETURN(arrival.key, keyring_->GetSubjectKey(model.uid(), update.subject));
    if (arrival.key) update.row = *std::move(row);
    arrival.lost_key = !arrival.key;
  }
  if (!arrival.key) {  // a new subject, or one whose key is gone and whose old samples therefore are none any more
    arrival.key = DataKey::Random();
    arrival.new_key = true;
  }
  return true;
}

void Ingestor::AddSamples(const ModelEntry& model, Arrival& arrival, IngestCounts& counts) const {
  auto& samples = *arrival.update.row.mutable_samples();
  absl::flat_hash_map<std::string, std::string> digests;  // by sample key
  for (const auto& sample : samples) digests.emplace(sample.key(), sample.digest());
  for (const NewSample* sample : arrival.samples) {
    const SampleKey key = keyring_->SampleKeyOf(sample->subject_id, sample->sample_id);
    const Digest digest = SampleDigest(*arrival.key, key, sample->input, sample->label);
    const auto [known, is_new] = digests.try_emplace(std::string(AsBytes(key)), AsBytes(digest));
    if (!is_new) {
      ++(known->second == AsBytes(digest) ? counts.unchanged : counts.conflicting);
      continue;
    }
    records::Subject::Sample& added = *samples.Add();
    added.set_key(std::string(AsBytes(key)));
    added.set_digest(std::string(AsBytes(digest)));
    added.set_slice(Place(model.spec(), arrival.update.subject, sample->likelihood).slice);
    arrival.update.added.push_back(
        {key, SealSample(*arrival.key, model.uid(), arrival.update.subject, key, sample->input, sample->label)});
    ++counts.ingested;
  }
}

absl::Status Ingestor::EmptyRowsWithoutKey(ModelEntry& model, absl::Span<const Arrival> arrivals) {
  std::vector<SubjectUpdate> emptied;
  for (const Arrival& arrival : arrivals) {
    if (arrival.lost_key) emptied.push_back({.shard = arrival.update.shard, .subject = arrival.update.subject});
  }
  if (emptied.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(store_->ApplyIngest(model.uid(), model.record, emptied));
  return store_->Sync();
}

absl::Status Ingestor::Write(ModelEntry& model, std::vector<Arrival> arrivals) {
  std::vector<std::pair<Pseudonym, const DataKey*>> new_keys;
  for (const Arrival& arrival : arrivals) {
    if (arrival.new_key) new_keys.emplace_back(arrival.update.subject, &*arrival.key);
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
    RETURN_IF_ERROR(EmptyRowsWithoutKey(model, arrivals));
    // Keys first: a sample without its key is not a sample, a key without samples harms nobody.
    RETURN_IF_ERROR(keyring_->CreateSubjectKeys(model.uid(), new_keys));
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
