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
      ensemble_(spec_.sisa.shards, spec_.sisa.slices, clock) {
  for (uint32_t i = 0; i < spec_.sisa.shards; ++i) {
    shards_.push_back(std::make_unique<Shard>());
    MutexLock lock(&shards_.back()->mutex);
    shards_.back()->status.slices.resize(spec_.sisa.slices);
    shards_.back()->slice_changed.resize(spec_.sisa.slices, 1);
    shards_.back()->valid_as_of.resize(spec_.sisa.slices, 0);
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

uint64_t ModelEntry::BeginErasure(uint32_t shard, uint32_t first_slice) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  state.erasing.insert(first_slice);
  return ++state.generation;
}

void ModelEntry::EndErasure(uint32_t shard, uint32_t first_slice, bool erased) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  if (const auto one = state.erasing.find(first_slice); one != state.erasing.end()) state.erasing.erase(one);
  ++state.generation;
  if (!erased || first_slice >= spec_.sisa.slices) state.looked_at = false;
  if (!erased) return;
  if (trained()) state.status.phase = ShardStatus::Phase::kWaiting;
  for (uint32_t r = first_slice; r < spec_.sisa.slices; ++r) {
    state.status.slices[r] = {.samples = state.status.slices[r].samples};
    state.slice_changed[r] = state.generation;
  }
}

void ModelEntry::NeedsLook(uint32_t shard) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  state.looked_at = false;
}

uint64_t ModelEntry::Bump(uint32_t shard, bool gone) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  if (trained()) state.status.phase = ShardStatus::Phase::kWaiting;
  ++state.generation;
  state.looked_at = false;
  state.slice_changed.assign(spec_.sisa.slices, state.generation);
  for (ShardStatus::Slice& slice : state.status.slices) {
    if (gone) slice = {.samples = slice.samples};
  }
  ensemble_.SetEmpty(shard, false, state.generation);  // it may have got samples
  return state.generation;
}

ShardStatus ModelEntry::Status(uint32_t shard) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  return state.status;
}

void ModelEntry::RemoveFromCounts(uint32_t shard, const std::vector<uint32_t>& slices, bool whole_subject) {
  Shard& state = *shards_[shard];
  MutexLock lock(&state.mutex);
  // Nothing goes below zero: a row whose key was lost was never counted.
  if (whole_subject && !slices.empty() && state.status.subjects > 0) --state.status.subjects;
  state.samples_left -= static_cast<int64_t>(slices.size());
  for (const uint32_t slice : slices) {
    uint64_t& samples = state.status.slices[slice].samples;
    if (samples > 0) --samples;
  }
}

}  // namespace expunge
