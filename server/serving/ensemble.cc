#include "serving/ensemble.h"

#include <algorithm>
#include <utility>

namespace expunge {

Ensemble::Ensemble(uint32_t shards, const Clock* clock) : clock_(clock), barriers_(shards, 0) {}

bool Ensemble::Publish(Constituent constituent) {
  MutexLock lock(&mutex_);
  if (constituent.generation < barriers_[constituent.shard]) return false;
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
  barriers_[shard] = std::max(barriers_[shard], generation);
  std::vector<Constituent> constituents = Current()->constituents;
  std::erase_if(constituents, [&](const Constituent& constituent) {
    return constituent.shard == shard && constituent.slices > first_slice && constituent.generation < generation;
  });
  Swap(std::move(constituents));
  erased_before_.store(Current()->version, std::memory_order_release);
}

void Ensemble::Swap(std::vector<Constituent> constituents) {
  auto next = std::make_shared<Snapshot>();
  next->version = std::max<uint64_t>(Current()->version + 1, absl::ToUnixMicros(clock_->Now()));
  next->constituents = std::move(constituents);
  current_.Set(std::move(next));
}

}  // namespace expunge
