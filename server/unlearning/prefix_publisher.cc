#include "unlearning/prefix_publisher.h"

#include <memory>

#include "base/executor.h"
#include "base/log.h"

namespace expunge {

PrefixPublisher::PrefixPublisher(Catalog* catalog, Reconciler* reconciler)
    : catalog_(catalog), reconciler_(reconciler), thread_([this] {
        NameThisThread("publish");
        Run();
      }) {}

PrefixPublisher::~PrefixPublisher() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  thread_.join();
}

void PrefixPublisher::Notify(ShardId shard) {
  MutexLock lock(&mutex_);
  waiting_.insert(shard);
  changed_.Signal();
}

void PrefixPublisher::Run() {
  ShardId shard = {};
  while (true) {
    {
      MutexLock lock(&mutex_);
      while (waiting_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      auto next = waiting_.upper_bound(shard);
      if (next == waiting_.end()) next = waiting_.begin();
      shard = waiting_.extract(next).value();
    }
    const std::shared_ptr<ModelEntry> model = catalog_->FindByUid(shard.model);
    if (model == nullptr) continue;
    if (const absl::Status published = reconciler_->PublishKnownPrefix(*model, shard.shard); !published.ok()) {
      Log(LogLevel::kWarning, "prefix_not_published",
          {{"model", shard.model}, {"shard", shard.shard}, {"error", published.ToString()}});
    }
  }
}

}  // namespace expunge
