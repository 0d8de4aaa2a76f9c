#include "unlearning/purger.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "base/crash_point.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr size_t kMaxBatch = 2048;

}  // namespace

Purger::Purger(Keyring* keyring, Rekeyer* rekeyer, const TraceChecker* checker, ErasureLedger* ledger,
               const Clock* clock)
    : keyring_(keyring), rekeyer_(rekeyer), checker_(checker), ledger_(ledger), clock_(clock), thread_([this] {
        Run();
      }) {}

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

void Purger::Run() {
  NameThisThread("purger");
  LowerThisThreadsPriority();
  while (true) {
    std::vector<ErasureSequence> batch;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && !due_) changed_.Wait(&mutex_);
      if (stopping_) return;
      const auto end = waiting_.begin() + static_cast<int64_t>(std::min(waiting_.size(), kMaxBatch));
      batch.assign(waiting_.begin(), end);
      waiting_.erase(waiting_.begin(), end);
      due_ = !waiting_.empty();
    }
    const absl::Time begin = absl::Now();
    const absl::StatusOr<std::vector<ErasureSequence>> not_yet = FinishRekeys(batch);
    const absl::Status status = not_yet.ok() ? Purge(batch) : not_yet.status();
    MutexLock lock(&mutex_);
    if (not_yet.ok() && !not_yet->empty()) {
      waiting_.insert(waiting_.end(), not_yet->begin(), not_yet->end());
      due_ = true;
      Pause(kRetryAfter);
    }
    if (status.ok()) {
      Pause(std::min(kLongestPause, 3 * (absl::Now() - begin)));
      continue;
    }
    if (stopping_) return;
    Log(LogLevel::kError, "purge_failed", {{"error", status.ToString()}});
    waiting_.insert(waiting_.begin(), batch.begin(), batch.end());
    due_ = true;
    Pause(kRetryAfter);
  }
}

absl::StatusOr<std::vector<ErasureSequence>> Purger::FinishRekeys(std::vector<ErasureSequence>& batch) {
  if (const absl::Status finished = rekeyer_->FinishAll(); !finished.ok()) {
    Log(LogLevel::kError, "rekey_failed", {{"error", finished.ToString()}});
  }
  ASSIGN_OR_RETURN(const std::vector<RekeyPlace> unfinished, keyring_->ListRekeys());
  std::set<ErasureSequence> theirs;
  for (const RekeyPlace& place : unfinished) theirs.insert(place.erasure);
  std::vector<ErasureSequence> not_yet;
  std::erase_if(batch, [&](ErasureSequence erasure) {
    if (!theirs.contains(erasure)) return false;
    not_yet.push_back(erasure);
    return true;
  });
  return not_yet;
}

absl::Status Purger::Purge(const std::vector<ErasureSequence>& batch) {
  RETURN_IF_ERROR(keyring_->Purge());
  RETURN_IF_ERROR(checker_->CheckPurged(batch, stopping_));
  CrashPoint("purge_searched");
  RETURN_IF_ERROR(ledger_->MarkPurged(batch, clock_->Now()));
  CrashPoint("purge_marked");
  return absl::OkStatus();
}

void Purger::Pause(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  while (!stopping_ && absl::Now() < until) changed_.WaitWithTimeout(&mutex_, until - absl::Now());
}

}  // namespace expunge
