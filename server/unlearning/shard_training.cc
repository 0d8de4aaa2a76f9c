#include "unlearning/shard_training.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <future>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/scheduling.h"
#include "base/status_macros.h"
#include "catalog/sample_codec.h"
#include "sisa/schedule.h"

namespace expunge {
namespace {

// How often who trains is asked how far it is, and told to stop.
constexpr std::chrono::milliseconds kProgressInterval{10};

absl::Status CorruptSample() {
  return Error(absl::StatusCode::kDataLoss, "SAMPLE_CORRUPT",
               "a stored sample is missing or is not the one that the membership names: restore the data directory "
               "from a backup");
}

absl::StatusOr<std::pair<SampleKey, Digest>> KeyAndDigest(const records::Subject::Sample& sample) {
  if (sample.key().size() != SampleKey().size()) return CorruptSample();
  ASSIGN_OR_RETURN(const Digest digest, DigestFromBytes(sample.digest()));
  return std::pair(SampleKeyFromBytes(sample.key()), digest);
}

// What the membership says of one sample.
struct Expected {
  uint32_t slice;
  SampleKey key;
  Digest digest;
};

// Whether the keyring still has the key that seals the samples of this row.
absl::StatusOr<bool> IsAlive(Keyring::SubjectCursor& keys, const Pseudonym& subject, const records::Subject& row) {
  ASSIGN_OR_RETURN(const std::optional<KeyId> id, keys.Find(subject));
  return id && row.key_id() == AsBytes(*id);
}

// The samples to be trained on, ordered by slice, then by key.
absl::StatusOr<std::vector<Expected>> ExpectedSamples(const ModelEntry& model, uint32_t shard, uint64_t trained_through,
                                                      StoreView& view, const Keyring& keyring) {
  std::vector<Expected> samples;
  const std::unique_ptr<Keyring::SubjectCursor> keys = keyring.SubjectsOf(model.uid());
  RETURN_IF_ERROR(view.ScanSubjects(
      {model.uid(), shard}, [&](const Pseudonym& subject, const records::Subject& row) -> absl::Status {
        ASSIGN_OR_RETURN(const bool alive, IsAlive(*keys, subject, row));
        if (!alive) return absl::OkStatus();
        for (const records::Subject::Sample& sample : row.samples()) {
          if (sample.ingest_batch() > trained_through) continue;
          ASSIGN_OR_RETURN(const auto key_and_digest, KeyAndDigest(sample));
          samples.push_back({sample.slice(), key_and_digest.first, key_and_digest.second});
        }
        return absl::OkStatus();
      }));
  std::sort(samples.begin(), samples.end(),
            [](const Expected& a, const Expected& b) { return std::tie(a.slice, a.key) < std::tie(b.slice, b.key); });
  return samples;
}

}  // namespace

absl::StatusOr<ShardMembership> ReadMembership(const ModelEntry& model, uint32_t shard, uint64_t trained_through,
                                               StoreView& view, const Keyring& keyring,
                                               std::string_view numeric_environment) {
  const uint32_t slices = model.spec().sisa.slices;
  ShardMembership membership;
  membership.stored_samples.resize(slices);
  membership.samples_through.resize(slices);
  std::vector<SampleInSlice> samples;
  const std::unique_ptr<Keyring::SubjectCursor> keys = keyring.SubjectsOf(model.uid());
  RETURN_IF_ERROR(view.ScanSubjects(
      {model.uid(), shard}, [&](const Pseudonym& subject, const records::Subject& row) -> absl::Status {
        ASSIGN_OR_RETURN(const bool alive, IsAlive(*keys, subject, row));
        if (!alive) {
          membership.dead_subjects.push_back(subject);
          return absl::OkStatus();
        }
        ++membership.subjects;
        for (const records::Subject::Sample& sample : row.samples()) {
          if (sample.slice() >= slices) return CorruptSample();
          ++membership.stored_samples[sample.slice()];
          if (sample.ingest_batch() > trained_through) continue;
          ASSIGN_OR_RETURN(const auto key_and_digest, KeyAndDigest(sample));
          samples.push_back({sample.slice(), key_and_digest.first, key_and_digest.second});
        }
        return absl::OkStatus();
      }));
  for (const SampleInSlice& sample : samples) ++membership.samples_through[sample.slice];
  for (uint32_t r = 1; r < slices; ++r) membership.samples_through[r] += membership.samples_through[r - 1];
  membership.lineages = ComputeLineages(model.spec(), numeric_environment, shard, std::move(samples));
  return membership;
}

absl::StatusOr<ShardSamples> LoadSamples(const ModelEntry& model, uint32_t shard, uint64_t trained_through,
                                         StoreView& view, const Keyring& keyring) {
  ASSIGN_OR_RETURN(std::vector<Expected> expected, ExpectedSamples(model, shard, trained_through, view, keyring));
  absl::flat_hash_map<SampleKey, uint32_t> positions;
  positions.reserve(expected.size());
  for (const Expected& sample : expected) positions.emplace(sample.key, positions.size());

  // Each sample goes straight to its place: the worker holds the shard once.
  const size_t sample_bytes = model.spec().input.SampleBytes();
  ShardSamples samples;
  samples.block.count = expected.size();
  samples.block.inputs.resize(expected.size() * sample_bytes);
  samples.block.labels.resize(expected.size());
  size_t found = 0;
  Pseudonym subject = {};
  std::optional<SubjectKey> subject_key;
  const auto place = [&](const Pseudonym& owner, const SampleKey& key, std::string_view sealed) -> absl::Status {
    const auto position = positions.find(key);
    if (position == positions.end()) return absl::OkStatus();
    if (!subject_key || owner != subject) {
      subject = owner;
      ASSIGN_OR_RETURN(subject_key, keyring.GetSubjectKey(model.uid(), subject));
      if (!subject_key) return CorruptSample();
    }
    ASSIGN_OR_RETURN(const records::Sample sample, OpenSample(subject_key->key, model.uid(), subject, key, sealed));
    if (sample.input().size() != sample_bytes || sample.label() >= model.spec().classes() ||
        SampleDigest(subject_key->key, key, sample.input(), sample.label()) != expected[position->second].digest) {
      return CorruptSample();
    }
    std::memcpy(samples.block.inputs.data() + position->second * sample_bytes, sample.input().data(), sample_bytes);
    samples.block.labels[position->second] = sample.label();
    ++found;
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(view.ScanSamples({model.uid(), shard}, place));
  if (found != expected.size()) return CorruptSample();

  samples.slice_ends.resize(model.spec().sisa.slices);
  for (const Expected& sample : expected) {
    samples.keys.push_back(sample.key);
    ++samples.slice_ends[sample.slice];
  }
  for (size_t r = 1; r < samples.slice_ends.size(); ++r) samples.slice_ends[r] += samples.slice_ends[r - 1];
  return samples;
}

absl::StatusOr<double> TrainSlice(const Trainer& trainer, const ModelSpec& spec, uint32_t shard, uint32_t slice,
                                  const ShardSamples& samples, const std::function<bool(double)>& progress,
                                  TrainingState* state) {
  const size_t count = samples.slice_ends[slice];
  if (count == 0) return 0.0;
  const uint32_t epochs = EpochsPerSlice(spec.training.epochs, spec.sisa.slices)[slice];
  const double batches = epochs * std::ceil(static_cast<double>(count) / spec.training.batch_size);
  std::atomic<int64_t> batches_begun = 0;
  std::atomic<bool> stop = false;
  double seconds = 0;
  std::packaged_task<absl::Status()> training([&]() -> absl::Status {
    NameThisThread("train");
    ComputeWhenNobodyElseDoes();
    // One at a time: the orders of all epochs together may be larger than the samples.
    for (uint32_t epoch = 0; epoch < epochs && !stop; ++epoch) {
      const std::vector<uint32_t> order =
          EpochOrder(spec, shard, slice, epoch, absl::MakeConstSpan(samples.keys).subspan(0, count));
      const auto asked = [&] {
        ++batches_begun;
        PauseInBackground();
        return stop.load();
      };
      RETURN_IF_ERROR(trainer.Train(spec, samples.block, {&order, 1}, asked, state));
    }
    seconds = ThreadCpuSeconds();
    return absl::OkStatus();
  });

  if (!progress(0)) return absl::CancelledError("training was stopped");
  std::future<absl::Status> trained = training.get_future();
  std::thread thread(std::move(training));
  const absl::Cleanup join = [&] {  // also when `progress` throws
    stop = true;
    if (thread.joinable()) thread.join();
  };
  while (trained.wait_for(kProgressInterval) != std::future_status::ready) {
    if (!stop) stop = !progress(std::min(1.0, batches_begun / batches));
  }
  thread.join();
  RETURN_IF_ERROR(trained.get());
  if (stop) return absl::CancelledError("training was stopped");
  progress(1);  // what is done is done, whatever the answer
  return seconds;
}

double ThreadCpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace expunge
