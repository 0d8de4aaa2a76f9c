#include "unlearning/retrain_pool.h"

#include <algorithm>
#include <memory>

#include "base/executor.h"
#include "base/log.h"

namespace expunge {
namespace {

absl::Duration Backoff(int failures) {
  return std::min(absl::Seconds(60), absl::Seconds(1) * (1 << std::min(failures - 1, 6)));
}

}  // namespace

RetrainPool::RetrainPool(const Options& options, Catalog* catalog, Reconciler* reconciler, const Clock* clock)
    : options_(options), catalog_(catalog), reconciler_(reconciler), clock_(clock) {
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

size_t RetrainPool::depth() const {
  MutexLock lock(&mutex_);
  return queue_.depth();
}

std::optional<RetrainQueue::Work> RetrainPool::WaitForWork() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    if (auto work = queue_.Take(clock_->Now())) return work;
    changed_.WaitWithTimeout(&mutex_, queue_.NextTime() - clock_->Now());
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
  const auto outcome =
      reconciler_->Reconcile(*model, work.shard.shard, now >= work.train_from, [this] { return stopping_.load(); });
  if (!outcome.ok()) {
    ++work.failures;
    const absl::Duration backoff = Backoff(work.failures);
    Log(LogLevel::kError, "retrain_failed",
        {{"model", model->uid()},
         {"shard", work.shard.shard},
         {"failures", work.failures},
         {"retry_seconds", absl::ToInt64Seconds(backoff)},
         {"error", outcome.status().ToString()}});
    {
      Shard& shard = model->shard(work.shard.shard);
      MutexLock lock(&shard.mutex);
      shard.status.phase = ShardStatus::Phase::kWaiting;
      shard.status.problem = outcome.status().ToString();
    }
    model->changes().Notify();
    return clock_->Now() + backoff;
  }
  work.failures = 0;
  switch (*outcome) {
    case Reconciler::Outcome::kMoved:
      return now;
    case Reconciler::Outcome::kNeedsTraining:
      return work.train_from;
    case Reconciler::Outcome::kUpToDate:
    case Reconciler::Outcome::kStopped:
      break;
  }
  return absl::InfiniteFuture();
}

}  // namespace expunge
