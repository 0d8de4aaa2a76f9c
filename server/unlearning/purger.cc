#include "unlearning/purger.h"

#include <utility>

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
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void Purger::Notify(const std::vector<ErasureSequence>& sequences) {
  absl::MutexLock lock(&mutex_);
  waiting_.insert(waiting_.end(), sequences.begin(), sequences.end());
}

void Purger::Run() {
  NameThisThread("purger");
  LowerThisThreadsPriority();
  while (true) {
    std::vector<ErasureSequence> batch;
    {
      absl::MutexLock lock(&mutex_);
      const auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); };
      mutex_.Await(absl::Condition(&ready));
      if (stopping_) return;
      batch.swap(waiting_);
    }
    absl::Status status = keyring_->Purge();
    if (status.ok()) status = ledger_->MarkPurged(batch, clock_->Now());
    if (status.ok()) continue;

    Log(LogLevel::kError, "purge_failed", {{"error", status.ToString()}});
    absl::MutexLock lock(&mutex_);
    waiting_.insert(waiting_.end(), batch.begin(), batch.end());
    const auto stopping = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_; };
    mutex_.AwaitWithTimeout(absl::Condition(&stopping), kRetryAfter);
  }
}

}  // namespace expunge
