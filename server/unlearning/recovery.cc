#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "unlearning/unlearner.h"

namespace expunge {

absl::Status Unlearner::Recover(int threads) {
  std::vector<ErasureSequence> not_purged;
  std::map<ShardId, absl::Time> deadlines;
  std::map<ShardId, std::vector<ErasureSequence>> without_model;
  RETURN_IF_ERROR(parts_.keyring->erasures().ScanUnfinished([&](const records::Erasure& erasure) {
    if (erasure.purged_time_micros() == 0) not_purged.push_back(erasure.sequence());
    for (const auto& task : erasure.tasks()) {
      if (!task.retrained() && parts_.catalog->FindByUid(task.model()) == nullptr) {
        without_model[{task.model(), task.shard()}].push_back(erasure.sequence());
      }
      const absl::Time due = absl::FromUnixMicros(erasure.due_time_micros());
      const auto [deadline, added] = deadlines.try_emplace({task.model(), task.shard()}, due);
      if (!added) deadline->second = std::min(deadline->second, due);
    }
    return true;
  }));
  for (const std::shared_ptr<ModelEntry>& model : parts_.catalog->List()) {
    if (model->deleting()) RETURN_IF_ERROR(Delete(*model));
  }

  for (const auto& [shard, erasures] : without_model) RETURN_IF_ERROR(MarkNothingToRetrain(shard, erasures));

  for (const ShardId& shard : ReconcileAll(threads)) {
    const auto deadline = deadlines.find(shard);
    parts_.pool->Notify(shard, deadline == deadlines.end() ? absl::InfiniteFuture() : deadline->second);
  }
  parts_.purger->Notify(not_purged);
  return absl::OkStatus();
}

void Unlearner::TellOfAnotherEnvironment(ModelEntry& model) const {
  uint32_t shards = 0;
  std::string old_environment;
  for (uint32_t shard = 0; shard < model.spec().sisa.shards; ++shard) {
    const std::string former = model.Status(shard).former_environment;
    if (former.empty()) continue;
    ++shards;
    old_environment = former;
  }
  if (shards == 0) return;
  Log(LogLevel::kWarning, "numeric_environment_changed",
      {{"model", model.uid()},
       {"old", old_environment},
       {"new", parts_.reconciler->numeric_environment()},
       {"shards_to_retrain", shards}});
}

std::vector<ShardId> Unlearner::ReconcileAll(int threads) {
  struct Item {
    std::shared_ptr<ModelEntry> model;
    uint32_t shard;
    bool up_to_date = false;
  };
  std::vector<Item> items;
  for (const std::shared_ptr<ModelEntry>& model : parts_.catalog->List()) {
    for (uint32_t shard = 0; shard < model->spec().sisa.shards; ++shard) items.push_back({model, shard});
  }
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < items.size(); i = next++) {
      const auto outcome =
          parts_.reconciler->Reconcile(*items[i].model, items[i].shard, /*train=*/false, [] { return false; });
      if (!outcome.ok()) {
        Log(LogLevel::kError, "shard_not_recovered",
            {{"model", items[i].model->uid()}, {"shard", items[i].shard}, {"error", outcome.status().ToString()}});
      }
      items[i].up_to_date = outcome.ok() && *outcome == Reconciler::Outcome::kUpToDate;
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  for (const std::shared_ptr<ModelEntry>& model : parts_.catalog->List()) TellOfAnotherEnvironment(*model);

  std::vector<ShardId> dirty;
  for (const Item& item : items) {
    if (!item.up_to_date) dirty.push_back({item.model->uid(), item.shard});
  }
  return dirty;
}

}  // namespace expunge
