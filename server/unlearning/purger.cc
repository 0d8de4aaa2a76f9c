#include "unlearning/purger.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "base/crash_point.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/scheduling.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr absl::Duration kLongestRetry = absl::Seconds(30);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr size_t kMaxBatch = 2048;

// Which models were deleted is known for good, and nobody knows whether their keys were purged: also a reclaim does not
// wait for that. The purge of every start answers it.
bool MayOweDeletion(const Keyring& keyring) {
  const auto dead = keyring.ListDeadModels();
  return !dead.ok() || !dead->empty();
}

absl::Duration TakePause(absl::Duration* pause) { return std::exchange(*pause, std::min(2 * *pause, kLongestRetry)); }

}  // namespace

Purger::Purger(Keyring* keyring, Rekeyer* rekeyer, const TraceChecker* checker, ErasureLedger* ledger,
               const Clock* clock)
    : keyring_(keyring),
      rekeyer_(rekeyer),
      checker_(checker),
      ledger_(ledger),
      clock_(clock),
      deletion_owed_(MayOweDeletion(*keyring)),
      pause_(kFirstRetry),
      retry_pause_(kFirstRetry),
      thread_([this] { Run(); }) {}

Purger::~Purger() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Purger::Notify(const std::vector<ErasureSequence>& sequences) {
  MutexLock lock(&mutex_);
  waiting_.insert(waiting_.end(), sequences.begin(), sequences.end());
  due_ = true;
  changed_.Signal();
}

void Purger::NotifyDeletion() {
  MutexLock lock(&mutex_);
  deletion_owed_ = true;
  due_ = true;
  changed_.Signal();
}

bool Purger::OwesDeletion() const {
  MutexLock lock(&mutex_);
  return deletion_owed_ || deletion_running_;
}

absl::Status Purger::problem() const {
  MutexLock lock(&mutex_);
  if (!failure_.ok() || held_.empty()) return failure_;
  return held_.begin()->second;
}

void Purger::Run() {
  NameThisThread("purger");
  LowerThisThreadsPriority();
  while (const std::optional<Batch> batch = NextBatch()) {
    const absl::Time begin = absl::Now();
    const auto remaining = Purge(batch->erasures);
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
      Settle(*batch, remaining);
    }
    ledger_->changes().Notify();
    MutexLock lock(&mutex_);
    if (remaining.ok()) {
      Pause(std::min(kLongestPause, 3 * (absl::Now() - begin)));
    } else {
      Pause(TakePause(&pause_));
    }
  }
}

std::optional<Purger::Batch> Purger::NextBatch() {
  MutexLock lock(&mutex_);
  while (!stopping_ && !due_ && (held_.empty() || absl::Now() < retry_time_)) {
    if (held_.empty()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitWithTimeout(&mutex_, retry_time_ - absl::Now());
    }
  }
  if (stopping_) return std::nullopt;
  Batch batch;
  batch.fresh = std::min(waiting_.size(), kMaxBatch);
  const auto end = waiting_.begin() + static_cast<int64_t>(batch.fresh);
  batch.erasures.assign(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  due_ = !waiting_.empty();
  if (!held_.empty() && absl::Now() >= retry_time_) {
    auto next = held_.lower_bound(retry_from_);
    for (size_t left = std::min(held_.size(), kMaxBatch); left > 0; --left, ++next) {
      if (next == held_.end()) next = held_.begin();
      batch.erasures.push_back(next->first);
    }
    retry_from_ = batch.erasures.back() + 1;
  }
  deletion_running_ = std::exchange(deletion_owed_, false);
  return batch;
}

absl::StatusOr<TraceChecker::Remaining> Purger::FinishRekeys(std::vector<ErasureSequence>& batch) {
  absl::Status finished = rekeyer_->FinishAll();
  ASSIGN_OR_RETURN(const std::vector<RekeyPlace> unfinished, keyring_->ListRekeys());
  if (unfinished.empty()) return TraceChecker::Remaining();
  if (finished.ok()) finished = absl::UnavailableError("what the subject keeps is being sealed anew");
  std::set<ErasureSequence> waiting;
  for (const RekeyPlace& place : unfinished) waiting.insert(place.erasure);
  TraceChecker::Remaining remaining;
  std::erase_if(batch, [&](ErasureSequence erasure) {
    if (!waiting.contains(erasure)) return false;
    remaining.try_emplace(erasure, finished);
    return true;
  });
  return remaining;
}

absl::StatusOr<TraceChecker::Remaining> Purger::Purge(std::vector<ErasureSequence> batch) {
  ASSIGN_OR_RETURN(TraceChecker::Remaining not_yet, FinishRekeys(batch));
  RETURN_IF_ERROR(keyring_->Purge());
  ASSIGN_OR_RETURN(TraceChecker::Remaining remaining, checker_->CheckPurged(batch, stopping_));
  CrashPoint("purge_searched");
  // What was found was in reach of a purge that thought nothing of it was left.
  if (!remaining.empty()) keyring_->TouchEverything();
  MarkPurged(batch, &remaining);
  CrashPoint("purge_marked");
  remaining.merge(not_yet);
  return remaining;
}

void Purger::MarkPurged(const std::vector<ErasureSequence>& batch, TraceChecker::Remaining* remaining) {
  std::vector<ErasureSequence> purged;
  for (const ErasureSequence erasure : batch) {
    if (!remaining->contains(erasure)) purged.push_back(erasure);
  }
  const absl::Time now = clock_->Now();
  if (ledger_->MarkPurged(purged, now).ok()) return;
  // One record that cannot be read, or all of them.
  for (const ErasureSequence erasure : purged) {
    if (const absl::Status marked = ledger_->MarkPurged({erasure}, now); !marked.ok()) {
      remaining->try_emplace(erasure, marked);
    }
  }
}

void Purger::Settle(const Batch& batch, const absl::StatusOr<TraceChecker::Remaining>& remaining) {
  const bool clean = remaining.ok() && remaining->empty();
  deletion_owed_ = deletion_owed_ || (deletion_running_ && !clean);
  deletion_running_ = false;
  failure_ = remaining.status();
  if (!remaining.ok()) {
    Log(LogLevel::kError, "purge_failed", {{"error", failure_.ToString()}});
    const auto fresh = batch.erasures.begin() + static_cast<int64_t>(batch.fresh);
    waiting_.insert(waiting_.begin(), batch.erasures.begin(), fresh);
    due_ = true;
    return;
  }
  pause_ = kFirstRetry;
  for (const ErasureSequence erasure : batch.erasures) held_.erase(erasure);
  const bool others_are_held = !held_.empty();
  held_.insert(remaining->begin(), remaining->end());
  if (held_.empty()) retry_pause_ = kFirstRetry;
  if (clean) return;
  Log(LogLevel::kError, "erasures_not_purged",
      {{"erasures", remaining->size()}, {"error", remaining->begin()->second.ToString()}});
  // Those that were found just now wait for the others' time.
  if (batch.fresh < batch.erasures.size() || !others_are_held) retry_time_ = absl::Now() + TakePause(&retry_pause_);
}

void Purger::Pause(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  while (!stopping_ && absl::Now() < until) changed_.WaitWithTimeout(&mutex_, until - absl::Now());
}

}  // namespace expunge
