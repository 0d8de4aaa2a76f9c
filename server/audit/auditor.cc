#include "audit/auditor.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace expunge {
namespace {

constexpr size_t kMaxRecordsPerCall = 100'000;

bool IsOverdue(const records::Erasure& erasure, absl::Time now) {
  return IsUnfinished(erasure) && absl::FromUnixMicros(erasure.due_time_micros()) < now;
}

bool Matches(const ErasureFilter& filter, const std::optional<Digest>& subject, absl::Time now,
             const records::Erasure& erasure) {
  const absl::Time received = absl::FromUnixMicros(erasure.received_time_micros());
  return (!filter.state || erasure.state() == *filter.state) &&
         (!filter.regulation || erasure.regulation() == static_cast<uint32_t>(*filter.regulation)) &&
         (!filter.overdue || IsOverdue(erasure, now)) && (!filter.received_from || received >= *filter.received_from) &&
         (!filter.received_until || received < *filter.received_until) &&
         (!subject || erasure.subject() == AsBytes(*subject)) &&
         (filter.model.empty() || std::any_of(erasure.tasks().begin(), erasure.tasks().end(),
                                              [&](const auto& task) { return task.model_name() == filter.model; }));
}

bool IsDirty(const ShardStatus& shard) {
  return shard.phase == ShardStatus::Phase::kWaiting || shard.phase == ShardStatus::Phase::kTraining;
}

}  // namespace

Auditor::Auditor(const Keyring* keyring, const Catalog* catalog, const ErasureLedger* ledger, const Purger* purger,
                 const Clock* clock)
    : keyring_(keyring), catalog_(catalog), ledger_(ledger), purger_(purger), clock_(clock) {}

absl::StatusOr<StatusReport> Auditor::Report() const {
  StatusReport report;
  report.erasures_by_state = ledger_->CountsByState();
  const absl::Time now = clock_->Now();
  RETURN_IF_ERROR(keyring_->erasures().ScanUnfinished([&](const records::Erasure& erasure) {
    if (!report.oldest_open_received)
      report.oldest_open_received = absl::FromUnixMicros(erasure.received_time_micros());
    report.overdue += IsOverdue(erasure, now);
    return true;
  }));
  report.purge_problem = purger_->problem();
  report.log_size = keyring_->log().size();
  for (std::shared_ptr<ModelEntry>& model : catalog_->List()) {
    StatusReport::ModelReport& entry = report.models.emplace_back();
    for (uint32_t shard = 0; shard < model->spec().sisa.shards; ++shard) {
      const ShardStatus& status = entry.shards.emplace_back(model->Status(shard));
      report.dirty_shards += IsDirty(status);
    }
    entry.model = std::move(model);
  }
  return report;
}

absl::StatusOr<ErasurePage> Auditor::List(const ErasureFilter& filter, ErasureSequence first, size_t limit) const {
  std::optional<Digest> subject;
  if (!filter.subject_id.empty()) subject = keyring_->ForgottenName(keyring_->PseudonymOf(filter.subject_id));
  const absl::Time now = clock_->Now();
  ErasurePage page;
  size_t looked_at = 0;
  RETURN_IF_ERROR(keyring_->erasures().Scan(first, [&](const records::Erasure& erasure) {
    if (page.erasures.size() == limit || looked_at == kMaxRecordsPerCall) {
      page.next = erasure.sequence();
      return false;
    }
    ++looked_at;
    if (Matches(filter, subject, now, erasure)) page.erasures.push_back(erasure);
    return true;
  }));
  return page;
}

}  // namespace expunge
