#include "unlearning/reclaimer.h"

#include <algorithm>
#include <set>

#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "base/crash_point.h"
#include "base/executor.h"
#include "base/log.h"
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
};

Reclaimer::Reclaimer(const Options& options, Store* store, Keyring* keyring, const TraceChecker* checker,
                     ErasureLedger* ledger, const Clock* clock)
    : options_(options), store_(store), keyring_(keyring), checker_(checker), ledger_(ledger), clock_(clock) {}

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

absl::StatusOr<std::optional<records::Erasure>> Reclaimer::OldestWithTraces() const {
  ASSIGN_OR_RETURN(const std::vector<ErasureSequence> oldest, keyring_->ListTraces(1, 1));
  if (oldest.empty()) return std::nullopt;
  return keyring_->erasures().Get(oldest.front());
}

absl::StatusOr<std::optional<absl::Time>> Reclaimer::OldestWaiting() const {
  ASSIGN_OR_RETURN(const auto erasure, OldestWithTraces());
  if (!erasure) return std::nullopt;
  return absl::FromUnixMicros(erasure->received_time_micros());
}

absl::StatusOr<absl::Time> Reclaimer::NextTime() {
  ASSIGN_OR_RETURN(const auto erasure, OldestWithTraces());
  if (!erasure) return absl::InfiniteFuture();
  if (erasure->purged_time_micros() == 0) return clock_->Now() + kLongestWait;
  return absl::FromUnixMicros(erasure->received_time_micros()) + 3 * options_.delete_persistence_threshold / 4;
}

absl::StatusOr<Reclaimer::Waste> Reclaimer::FindWaste() {
  Waste waste;
  ErasureSequence first = 1;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<ErasureSequence> page, keyring_->ListTraces(first, kBatch));
    for (const ErasureSequence sequence : page) {
      ASSIGN_OR_RETURN(const auto erasure, keyring_->erasures().Get(sequence));
      if (!erasure || erasure->purged_time_micros() == 0) continue;
      waste.erasures.push_back(sequence);
      waste.received.push_back(absl::FromUnixMicros(erasure->received_time_micros()));
      for (const auto& task : erasure->tasks()) waste.shards.insert({task.model(), task.shard()});
    }
    if (page.size() < kBatch) break;
    first = page.back() + 1;
  }
  ASSIGN_OR_RETURN(waste.models, keyring_->ListDeadModels());
  return waste;
}

absl::StatusOr<uint64_t> Reclaimer::ReclaimNow() { return Reclaim(/*bytes_per_second=*/0); }

absl::StatusOr<uint64_t> Reclaimer::Reclaim(uint64_t bytes_per_second) {
  const MutexLock lock(&reclaim_mutex_);
  ASSIGN_OR_RETURN(const Waste waste, FindWaste());
  if (waste.erasures.empty() && waste.models.empty()) return 0;
  const std::vector<ShardId> shards(waste.shards.begin(), waste.shards.end());
  // What a worker may have written while its model was being deleted.
  for (const ModelUid model : waste.models) RETURN_IF_ERROR(store_->DeleteModel(model));
  RETURN_IF_ERROR(store_->Reclaim(shards, waste.models, bytes_per_second, &stopping_));
  CrashPoint("reclaim_compacted");
  for (size_t begin = 0; begin < waste.erasures.size(); begin += kBatch) {
    const auto batch = absl::MakeConstSpan(waste.erasures).subspan(begin, kBatch);
    RETURN_IF_ERROR(checker_->CheckReclaimed(batch, stopping_));
    CrashPoint("reclaim_searched");
    const absl::Time now = clock_->Now();
    RETURN_IF_ERROR(ledger_->MarkReclaimed(batch, now));
    const auto received = absl::MakeConstSpan(waste.received).subspan(begin, kBatch);
    late_.fetch_add(std::count_if(received.begin(), received.end(),
                                  [&](absl::Time time) { return now - time > options_.delete_persistence_threshold; }),
                    std::memory_order_relaxed);
    CrashPoint("reclaim_marked");
  }
  RETURN_IF_ERROR(keyring_->ReclaimedModels(waste.models));
  return waste.erasures.size();
}

}  // namespace expunge
