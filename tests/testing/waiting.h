#ifndef EXPUNGE_TESTING_WAITING_H_
#define EXPUNGE_TESTING_WAITING_H_

#include <functional>

#include "absl/time/clock.h"
#include "base/mutex.h"
#include "base/notifier.h"
#include "engine/engine.h"

namespace expunge {

// Waits until `done`, asked whenever the ledger or the model tells of a change. False after `limit`, which only a
// defect reaches: a test that gets it fails.
inline bool WaitUntil(Engine& engine, ModelEntry& model, const std::function<bool()>& done,
                      absl::Duration limit = absl::Seconds(60)) {
  Mutex mutex;
  CondVar changed;
  uint64_t changes = 0;
  const auto tell = [&] {
    MutexLock lock(&mutex);
    ++changes;
    changed.SignalAll();
  };
  const auto ledger_subscription = engine.ledger().changes().Subscribe(tell);
  const auto model_subscription = model.changes().Subscribe(tell);
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    uint64_t seen;
    {
      MutexLock lock(&mutex);
      seen = changes;
    }
    if (done()) return true;
    MutexLock lock(&mutex);
    while (changes == seen) {
      if (changed.WaitWithTimeout(&mutex, deadline - absl::Now()) && changes == seen && absl::Now() >= deadline)
        return false;
    }
  }
}

// Nothing is owed: every shard is up to date and every erasure completed.
inline bool IsIdle(Engine& engine, ModelEntry& model) {
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    const ShardStatus status = model.Status(shard);
    if (status.phase != ShardStatus::Phase::kTrained && status.phase != ShardStatus::Phase::kUntrained) return false;
  }
  const auto counts = engine.ledger().CountsByState();
  return counts[records::Erasure::PENDING] == 0 && counts[records::Erasure::IN_PROGRESS] == 0;
}

inline bool WaitUntilIdle(Engine& engine, ModelEntry& model) {
  return WaitUntil(engine, model, [&] { return IsIdle(engine, model); });
}

}  // namespace expunge

#endif  // EXPUNGE_TESTING_WAITING_H_
