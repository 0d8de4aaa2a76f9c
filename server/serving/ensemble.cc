#include "serving/ensemble.h"

#include <algorithm>
#include <utility>

namespace expunge {

Ensemble::Ensemble(uint32_t shards, uint32_t slices, const Clock* clock)
    : slices_(slices),
      clock_(clock),
      shards_(shards),
      current_(std::make_shared<const Snapshot>(Snapshot{.behind = shards})) {}

bool Ensemble::Publish(Constituent constituent) {
  MutexLock lock(&mutex_);
  return PublishLocked(std::move(constituent));
}

bool Ensemble::PublishWhereNoneVotes(Constituent constituent) {
  MutexLock lock(&mutex_);
  return !Votes(constituent.shard) && PublishLocked(std::move(constituent));
}

bool Ensemble::Votes(uint32_t shard) const {
  const std::shared_ptr<const Snapshot> snapshot = Current();
  return std::any_of(snapshot->constituents.begin(), snapshot->constituents.end(),
                     [shard](const Constituent& constituent) { return constituent.shard == shard; });
}

bool Ensemble::PublishLocked(Constituent constituent) {
  if (constituent.generation < shards_[constituent.shard].barrier) return false;
  std::vector<Constituent> constituents = Current()->constituents;
  const auto place = std::lower_bound(constituents.begin(), constituents.end(), constituent.shard,
                                      [](const Constituent& a, uint32_t shard) { return a.shard < shard; });
  if (place != constituents.end() && place->shard == constituent.shard) {
    if (place->generation > constituent.generation) return false;
    *place = std::move(constituent);
  } else {
    constituents.insert(place, std::move(constituent));
  }
  Swap(std::move(constituents));
  return true;
}

void Ensemble::Withdraw(uint32_t shard, uint32_t first_slice, uint64_t generation) {
  MutexLock lock(&mutex_);
  shards_[shard].barrier = std::max(shards_[shard].barrier, generation);
  std::vector<Constituent> constituents = Current()->constituents;
  const size_t withdrawn = std::erase_if(constituents, [&](const Constituent& constituent) {
    return constituent.shard == shard && constituent.slices > first_slice && constituent.generation < generation;
  });
  if (withdrawn > 0) erased_before_ = NextVersion();
  Swap(std::move(constituents));
}

void Ensemble::SetEmpty(uint32_t shard, bool empty, uint64_t generation) {
  MutexLock lock(&mutex_);
  Shard& state = shards_[shard];
  if (generation < state.empty_as_of) return;
  state.empty_as_of = generation;
  if (state.empty == empty) return;
  state.empty = empty;
  Swap(Current()->constituents);
}

uint64_t Ensemble::NextVersion() const {
  return std::max<uint64_t>(Current()->version + 1, absl::ToUnixMicros(clock_->Now()));
}

void Ensemble::Swap(std::vector<Constituent> constituents) {
  auto next = std::make_shared<Snapshot>();
  next->version = std::max(NextVersion(), erased_before_);
  next->erased_before = erased_before_;
  next->constituents = std::move(constituents);
  for (const Constituent& constituent : next->constituents) {
    const bool complete = constituent.slices == slices_;
    next->networks.push_back(constituent.network.get());
    next->complete.push_back(complete);
    next->complete_count += complete;
  }
  const auto empty = std::count_if(shards_.begin(), shards_.end(), [](const Shard& shard) { return shard.empty; });
  next->behind = static_cast<uint32_t>(shards_.size()) - static_cast<uint32_t>(empty) - next->complete_count;
  current_.Set(std::move(next));
}

}  // namespace expunge
