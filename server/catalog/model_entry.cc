#include "catalog/model_entry.h"

#include <utility>

namespace expunge {

ModelEntry::ModelEntry(ModelUid uid, records::Model model_record, ModelSpec spec, const Clock* clock)
    : record(std::move(model_record)),
      uid_(uid),
      name_(record.name()),
      spec_(std::move(spec)),
      create_time_(absl::FromUnixMicros(record.create_time_micros())),
      trained_(record.trained_through_batch() > 0),
      ensemble_(spec_.sisa.shards, clock) {
  for (uint32_t i = 0; i < spec_.sisa.shards; ++i) {
    shards_.push_back(std::make_unique<Shard>());
    MutexLock lock(&shards_.back()->mutex);
    shards_.back()->status.slices.resize(spec_.sisa.slices);
  }
}

uint64_t ModelEntry::trained_through() {
  MutexLock lock(&record_mutex);
  return record.trained_through_batch();
}

bool ModelEntry::deleting() {
  MutexLock lock(&record_mutex);
  return record.deleting();
}

uint64_t ModelEntry::BumpGeneration(uint32_t shard, uint32_t first_slice) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  if (trained()) state.status.phase = ShardStatus::Phase::kWaiting;
  for (uint32_t r = first_slice; r < state.status.slices.size(); ++r) {
    state.status.slices[r] = {.samples = state.status.slices[r].samples};
  }
  return ++state.generation;
}

ShardStatus ModelEntry::Status(uint32_t shard) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  return state.status;
}

void ModelEntry::RemoveFromCounts(uint32_t shard, const records::Subject& row) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  if (row.samples().empty()) return;
  if (state.status.subjects > 0) --state.status.subjects;
  for (const records::Subject::Sample& sample : row.samples()) {
    uint64_t& samples = state.status.slices[sample.slice()].samples;
    if (samples > 0) --samples;  // a row whose key was lost was never counted
  }
}

}  // namespace expunge
