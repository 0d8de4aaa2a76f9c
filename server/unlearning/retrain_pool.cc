#include "unlearning/retrain_pool.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/scheduling.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

// How long a shard is left alone after somebody looked at it in vain: a few times as long as the look took.
absl::Duration Rest(absl::Duration look, int times) { return std::min(absl::Seconds(2), times * look); }

// A shard that moved while it was looked at is looked at again when what is to be trained next has held still for so
// long, or after the longest wait anyhow.
constexpr absl::Duration kStillness = absl::Milliseconds(50);
constexpr absl::Duration kLongestPatience = absl::Seconds(5);

// The generation in which the slice that is to be trained next was changed last.
uint64_t NewestChange(Shard& shard) {
  MutexLock lock(&shard.mutex);
  const uint32_t slice = shard.KnownValidSlices();
  return slice < shard.slice_changed.size() ? shard.slice_changed[slice] : 0;
}

absl::Duration Backoff(int failures) {
  return std::min(absl::Seconds(60), absl::Seconds(1) * (1 << std::min(failures - 1, 6)));
}

// A trainer runs others' code: what it throws must not end the server.
absl::StatusOr<Reconciler::Outcome> ReconcileOrCatch(Reconciler& reconciler, ModelEntry& model, uint32_t shard,
                                                     bool train, const std::atomic<bool>& stopping) {
  try {
    return reconciler.Reconcile(model, shard, train, [&stopping] { return stopping.load(); });
  } catch (const std::bad_alloc&) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY", "the worker ran out of memory");
  } catch (const std::exception& error) {
    return Error(absl::StatusCode::kInternal, "WORKER_THREW", absl::StrCat("the worker threw: ", error.what()));
  }
}

}  // namespace

RetrainPool::RetrainPool(const Options& options, Catalog* catalog, Reconciler* reconciler, ErasureLedger* ledger,
                         const Clock* clock)
    : options_(options), catalog_(catalog), reconciler_(reconciler), ledger_(ledger), clock_(clock) {
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { Run(); });
}

RetrainPool::~RetrainPool() {
  Stop();
  for (std::thread& worker : workers_) worker.join();
}

void RetrainPool::Stop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  changed_.SignalAll();
}

void RetrainPool::Notify(ShardId shard, absl::Time deadline) {
  const bool erasure = deadline != absl::InfiniteFuture();
  const absl::Time train_from = erasure ? clock_->Now() + options_.retrain_delay : absl::InfinitePast();
  MutexLock lock(&mutex_);
  queue_.Add(shard, deadline, train_from);
  changed_.Signal();
}

void RetrainPool::Drop(ModelUid model) {
  MutexLock lock(&mutex_);
  queue_.Drop(model);
}

std::optional<RetrainQueue::Work> RetrainPool::WaitForWork() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    if (auto work = queue_.Take(clock_->Now(), SteadyNow())) return work;
    changed_.WaitWithTimeout(&mutex_, queue_.NextWait(clock_->Now(), SteadyNow()));
  }
  return std::nullopt;
}

void RetrainPool::Run() {
  NameThisThread("retrain");
  LowerThisThreadsPriority();
  while (auto work = WaitForWork()) {
    const absl::Time again = Attempt(*work);
    MutexLock lock(&mutex_);
    if (again == absl::InfiniteFuture()) {
      queue_.Done(*work);
    } else {
      queue_.Again(*work, again);
    }
    changed_.Signal();  // what was notified while it was worked on, or waits again, may be taken now
  }
}

absl::Time RetrainPool::Attempt(RetrainQueue::Work& work) {
  const std::shared_ptr<ModelEntry> model = catalog_->FindByUid(work.shard.model);
  if (model == nullptr) return absl::InfiniteFuture();
  const absl::Time now = clock_->Now();
  const absl::Time train_from = std::max(work.train_from, work.retry_from);
  const absl::Time begin = SteadyNow();
  Shard& shard = model->shard(work.shard.shard);
  if (const uint64_t change = NewestChange(shard); begin < work.patient_until && change != work.seen_change) {
    work.seen_change = change;
    work.rest_until = begin + kStillness;
    return now;
  }
  const auto outcome = ReconcileOrCatch(*reconciler_, *model, work.shard.shard, now >= train_from, stopping_);
  if (!outcome.ok()) return Failed(*model, work, outcome.status());
  const absl::Time end = SteadyNow();
  switch (*outcome) {
    case Reconciler::Outcome::kMoved:
      // Reading it again and again while erasures come would cost them a processor; what is clean was published.
      work.rest_until = end + std::max(kStillness, Rest(end - begin, 2));
      work.patient_until = work.rest_until + kLongestPatience;
      work.seen_change = NewestChange(shard);
      return now;
    case Reconciler::Outcome::kNeedsTraining:
      work.rest_until = end + Rest(end - begin, 10);
      return train_from;
    case Reconciler::Outcome::kUpToDate:
    case Reconciler::Outcome::kStopped:
      break;
  }
  return absl::InfiniteFuture();
}

absl::Time RetrainPool::Failed(ModelEntry& model, RetrainQueue::Work& work, const absl::Status& status) {
  ++work.failures;
  failed_attempts_.fetch_add(1, std::memory_order_relaxed);
  bool give_up = work.failures >= options_.max_attempts;
  const absl::Duration backoff = Backoff(work.failures);
  work.retry_from = clock_->Now() + backoff;
  Log(LogLevel::kError, give_up ? "retrain_given_up" : "retrain_failed",
      {{"model", model.uid()},
       {"shard", work.shard.shard},
       {"failures", work.failures},
       {"retry_seconds", give_up ? -1 : absl::ToInt64Seconds(backoff)},
       {"error", status.ToString()}});
  if (give_up) {
    const absl::Status marked = MarkFailed(work.shard, status);
    if (!marked.ok()) {
      Log(LogLevel::kError, "failure_not_recorded", {{"error", marked.ToString()}});
      give_up = false;
    }
  }
  {
    Shard& shard = model.shard(work.shard.shard);
    MutexLock lock(&shard.mutex);
    shard.status.phase = give_up ? ShardStatus::Phase::kFailed : ShardStatus::Phase::kWaiting;
    shard.status.problem = status.ToString();
  }
  model.changes().Notify();
  return give_up ? absl::InfiniteFuture() : work.retry_from;
}

absl::Status RetrainPool::MarkFailed(ShardId shard, const absl::Status& status) {
  ASSIGN_OR_RETURN(const std::vector<ErasureSequence> pending, ledger_->PendingIn(shard));
  return ledger_->MarkFailed(pending, status);
}

}  // namespace expunge
