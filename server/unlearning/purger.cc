#include "unlearning/purger.h"

#include <utility>

#include "absl/time/clock.h"
#include "base/crash_point.h"
#include "base/executor.h"
#include "base/log.h"

namespace expunge {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

}  // namespace

Purger::Purger(Keyring* keyring, ErasureLedger* ledger, const Clock* clock)
    : keyring_(keyring), ledger_(ledger), clock_(clock), thread_([this] { Run(); }) {}

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
      batch.swap(waiting_);
      due_ = false;
    }
    absl::Status status = keyring_->Purge();
    if (status.ok()) status = ledger_->MarkPurged(batch, clock_->Now());
    if (status.ok()) CrashPoint("purge_marked");
    if (status.ok()) continue;

    Log(LogLevel::kError, "purge_failed", {{"error", status.ToString()}});
    MutexLock lock(&mutex_);
    waiting_.insert(waiting_.end(), batch.begin(), batch.end());
    due_ = true;
    // By a fixed moment: new erasures, however many, must not put the next attempt off.
    const absl::Time again = absl::Now() + kRetryAfter;
    while (!stopping_ && absl::Now() < again) changed_.WaitWithTimeout(&mutex_, again - absl::Now());
  }
}

}  // namespace expunge
