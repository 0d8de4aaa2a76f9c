#include "unlearning/reclaimer.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/scheduling.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

constexpr size_t kBatch = 2048;  // erasures that one search serves
constexpr absl::Duration kRetryAfter = absl::Minutes(1);
constexpr absl::Duration kLongestWait = absl::Minutes(1);  // the clock may be moved

}  // namespace

struct Reclaimer::Waste {
  std::vector<ErasureSequence> erasures;
  std::vector<absl::Time> received;  // of each of them
  std::set<ShardId> shards;
  std::vector<ModelUid> models;
  bool everything = false;  // a restore brought back what no trace tells of

  bool empty() const { return erasures.empty() && models.empty() && !everything; }
};

Reclaimer::Reclaimer(const Options& options, Store* store, Keyring* keyring, const Catalog* catalog,
                     const TraceChecker* checker, ErasureLedger* ledger, const Clock* clock)
    : options_(options),
      store_(store),
      keyring_(keyring),
      catalog_(catalog),
      checker_(checker),
      ledger_(ledger),
      clock_(clock) {}

Reclaimer::~Reclaimer() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void Reclaimer::Stop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  changed_.SignalAll();
}

void Reclaimer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Reclaimer::Run() {
  NameThisThread("reclaimer");
  LowerThisThreadsPriority();
  while (!stopping_) {
    const absl::StatusOr<absl::Time> next = NextTime();
    absl::Status status = next.status();
    absl::Duration wait = kLongestWait;
    if (next.ok() && *next <= clock_->Now()) {
      status = Reclaim(options_.bytes_per_second).status();
      wait = absl::ZeroDuration();
    } else if (next.ok()) {
      wait = std::min(wait, *next - clock_->Now());
    }
    if (!status.ok() && !stopping_) {
      Log(LogLevel::kError, "reclaim_failed", {{"error", status.ToString()}});
      wait = kRetryAfter;
    }
    MutexLock lock(&mutex_);
    if (!stopping_ && wait > absl::ZeroDuration()) changed_.WaitWithTimeout(&mutex_, wait);
  }
}

absl::StatusOr<std::optional<absl::Time>> Reclaimer::OldestWaiting() const {
  ASSIGN_OR_RETURN(const std::vector<ErasureSequence> oldest, keyring_->ListTraces(1, 1));
  if (oldest.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const auto erasure, keyring_->erasures().Get(oldest.front()));
  if (!erasure) return std::nullopt;
  return absl::FromUnixMicros(erasure->received_time_micros());
}

absl::Status Reclaimer::ScanPurged(const std::function<bool(const records::Erasure&)>& visit) const {
  ErasureSequence first = 1;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<ErasureSequence> page, keyring_->ListTraces(first, kBatch));
    for (const ErasureSequence sequence : page) {
      ASSIGN_OR_RETURN(const auto erasure, keyring_->erasures().Get(sequence));
      if (erasure && erasure->purged_time_micros() != 0 && !visit(*erasure)) return absl::OkStatus();
    }
    if (page.size() < kBatch) return absl::OkStatus();
    first = page.back() + 1;
  }
}

absl::StatusOr<std::vector<Keyring::DeadModel>> Reclaimer::DeadModels() const {
  ASSIGN_OR_RETURN(std::vector<Keyring::DeadModel> models, keyring_->ListDeadModels());
  std::erase_if(models, [this](const Keyring::DeadModel& model) {
    // While the catalog holds it, its deletion is not finished.
    return model.reclaimed || catalog_->FindByUid(model.model) != nullptr;
  });
  return models;
}

absl::StatusOr<absl::Time> Reclaimer::NextTime() {
  absl::Time oldest = absl::InfiniteFuture();
  // One that is not purged yet waits, and nobody waits for it. They are in the order of their arrival.
  RETURN_IF_ERROR(ScanPurged([&oldest](const records::Erasure& erasure) {
    oldest = absl::FromUnixMicros(erasure.received_time_micros());
    return false;
  }));
  ASSIGN_OR_RETURN(const std::vector<Keyring::DeadModel> models, DeadModels());
  for (const Keyring::DeadModel& model : models) oldest = std::min(oldest, model.deleted);
  ASSIGN_OR_RETURN(const std::optional<absl::Time> restored, store_->GetRestoreTime());
  if (restored) oldest = std::min(oldest, *restored);
  return oldest + 3 * options_.delete_persistence_threshold / 4;
}

absl::StatusOr<Reclaimer::Waste> Reclaimer::FindWaste() {
  Waste waste;
  RETURN_IF_ERROR(ScanPurged([&waste](const records::Erasure& erasure) {
    waste.erasures.push_back(erasure.sequence());
    waste.received.push_back(absl::FromUnixMicros(erasure.received_time_micros()));
    for (const auto& task : erasure.tasks()) waste.shards.insert({task.model(), task.shard()});
    return true;
  }));
  ASSIGN_OR_RETURN(const std::vector<Keyring::DeadModel> models, DeadModels());
  for (const Keyring::DeadModel& model : models) waste.models.push_back(model.model);
  ASSIGN_OR_RETURN(const std::optional<absl::Time> restored, store_->GetRestoreTime());
  waste.everything = restored.has_value();
  return waste;
}

// What a shard that could not be read keeps would stay.
absl::Status Reclaimer::CheckReconciled() const {
  for (const std::shared_ptr<ModelEntry>& model : catalog_->List()) {
    for (uint32_t shard = 0; shard < model->spec().sisa.shards; ++shard) {
      const ShardId id = {model->uid(), shard};
      const std::unique_ptr<StoreView> view = store_->View();  // gone before anything is rewritten
      RETURN_IF_ERROR(
          view->ScanSubjects(id, [&](const Pseudonym& subject, const records::Subject& row) -> absl::Status {
            ASSIGN_OR_RETURN(const auto key, keyring_->GetSubjectKeyId(id.model, subject));
            if (key && row.key_id() == AsBytes(*key)) return absl::OkStatus();
            ASSIGN_OR_RETURN(const bool dead, IsDead(id, subject));
            if (!dead) return absl::OkStatus();
            return Error(absl::StatusCode::kUnavailable, "SHARD_NOT_RECONCILED",
                         absl::StrCat("model ", id.model, " shard ", shard,
                                      " still has rows that no key opens: see its problem, and try again"));
          }));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reclaimer::IsDead(ShardId shard, const Pseudonym& subject) const {
  ASSIGN_OR_RETURN(const auto key, keyring_->GetSubjectKeyId(shard.model, subject));
  // Read anew, and after the key: a subject comes and goes.
  ASSIGN_OR_RETURN(const auto row, store_->GetSubject(shard, subject));
  if (!row || (key && row->key_id() == AsBytes(*key))) return false;
  ASSIGN_OR_RETURN(const auto rekey, keyring_->GetRekey(shard.model, subject));
  return !rekey.has_value();
}

absl::StatusOr<uint64_t> Reclaimer::ReclaimNow() { return Reclaim(/*bytes_per_second=*/0); }

absl::StatusOr<uint64_t> Reclaimer::Reclaim(uint64_t bytes_per_second) {
  const MutexLock lock(&reclaim_mutex_);
  ASSIGN_OR_RETURN(const Waste waste, FindWaste());
  if (waste.empty()) return 0;
  RETURN_IF_ERROR(Rewrite(waste, bytes_per_second));
  CrashPoint("reclaim_compacted");
  ASSIGN_OR_RETURN(const TraceChecker::Remaining remaining, MarkReclaimed(waste));
  // What was found may be a deleted model's: they wait as well.
  if (!remaining.empty()) return remaining.begin()->second;
  RETURN_IF_ERROR(keyring_->ReclaimedModels(waste.models));
  return waste.erasures.size();
}

absl::Status Reclaimer::Rewrite(const Waste& waste, uint64_t bytes_per_second) {
  // What a worker may have written while its model was being deleted.
  for (const ModelUid model : waste.models) RETURN_IF_ERROR(store_->DeleteModel(model));
  if (waste.everything) {
    RETURN_IF_ERROR(CheckReconciled());
    return store_->ReclaimEverything(bytes_per_second, &stopping_);
  }
  const std::vector<ShardId> shards(waste.shards.begin(), waste.shards.end());
  return store_->Reclaim(shards, waste.models, bytes_per_second, &stopping_);
}

absl::StatusOr<TraceChecker::Remaining> Reclaimer::MarkReclaimed(const Waste& waste) {
  TraceChecker::Remaining all;
  for (size_t begin = 0; begin < waste.erasures.size(); begin += kBatch) {
    const auto batch = absl::MakeConstSpan(waste.erasures).subspan(begin, kBatch);
    ASSIGN_OR_RETURN(TraceChecker::Remaining remaining, checker_->CheckReclaimed(batch, stopping_));
    CrashPoint("reclaim_searched");
    const absl::Time now = clock_->Now();
    std::vector<ErasureSequence> clean;
    uint64_t late = 0;
    for (size_t i = begin; i < begin + batch.size(); ++i) {
      if (remaining.contains(waste.erasures[i])) continue;
      clean.push_back(waste.erasures[i]);
      if (now - waste.received[i] > options_.delete_persistence_threshold) ++late;
    }
    RETURN_IF_ERROR(ledger_->MarkReclaimed(clean, now));
    late_.fetch_add(late, std::memory_order_relaxed);
    CrashPoint("reclaim_marked");
    all.merge(remaining);
  }
  return all;
}

}  // namespace expunge
