#include "unlearning/retrain_queue.h"

#include <algorithm>
#include <utility>

namespace expunge {

void RetrainQueue::Merge(const Work& work, absl::Time not_before) {
  const auto [place, added] = waiting_.try_emplace(work.shard, Entry{work, not_before});
  if (added) return;
  Entry& entry = place->second;
  entry.work.deadline = std::min(entry.work.deadline, work.deadline);
  entry.work.train_from = std::min(entry.work.train_from, work.train_from);
  entry.work.failures = std::max(entry.work.failures, work.failures);
  entry.work.retry_from = std::max(entry.work.retry_from, work.retry_from);
  entry.work.patient_until = std::max(entry.work.patient_until, work.patient_until);
  entry.work.seen_change = std::max(entry.work.seen_change, work.seen_change);
  entry.work.rest_until = std::max(entry.work.rest_until, work.rest_until);
  entry.not_before = std::min(entry.not_before, not_before);
}

void RetrainQueue::Add(ShardId shard, absl::Time deadline, absl::Time train_from) {
  Merge({shard, deadline, train_from}, absl::InfinitePast());
}

std::optional<RetrainQueue::Work> RetrainQueue::Take(absl::Time now, absl::Time real_now) {
  auto best = waiting_.end();
  for (auto entry = waiting_.begin(); entry != waiting_.end(); ++entry) {
    if (entry->second.not_before > now || entry->second.work.rest_until > real_now) continue;
    if (running_.contains(entry->first)) continue;
    if (best == waiting_.end() || entry->second.work.deadline < best->second.work.deadline) best = entry;
  }
  if (best == waiting_.end()) return std::nullopt;
  Work work = best->second.work;
  waiting_.erase(best);
  running_.insert(work.shard);
  return work;
}

void RetrainQueue::Done(const Work& work) { running_.erase(work.shard); }

void RetrainQueue::Again(const Work& work, absl::Time not_before) {
  running_.erase(work.shard);
  Merge(work, not_before);
}

void RetrainQueue::Drop(ModelUid model) {
  std::erase_if(waiting_, [model](const auto& entry) { return entry.first.model == model; });
}

absl::Duration RetrainQueue::NextWait(absl::Time now, absl::Time real_now) const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [shard, entry] : waiting_) {
    if (running_.contains(shard)) continue;
    next = std::min(next, std::max(entry.not_before - now, entry.work.rest_until - real_now));
  }
  return next;
}

size_t RetrainQueue::depth() const {
  return running_.size() + std::count_if(waiting_.begin(), waiting_.end(),
                                         [this](const auto& entry) { return !running_.contains(entry.first); });
}

}  // namespace expunge
