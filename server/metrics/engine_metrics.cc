#include "metrics/engine_metrics.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/histogram.h"
#include "base/log.h"
#include "metrics/families.h"

namespace expunge {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::pair<records::Erasure::State, const char*> kStates[] = {
    {records::Erasure::PENDING, "pending"},     {records::Erasure::IN_PROGRESS, "in_progress"},
    {records::Erasure::COMPLETED, "completed"}, {records::Erasure::DENIED, "denied"},
    {records::Erasure::FAILED, "failed"},
};

constexpr std::pair<Regulation, const char*> kRegulations[] = {
    {Regulation::kGdpr, "gdpr"}, {Regulation::kCcpa, "ccpa"}, {Regulation::kOther, "other"}};

constexpr std::pair<ErasureStatistics::Outcome, const char*> kOutcomes[] = {
    {ErasureStatistics::Outcome::kCompleted, "completed"}, {ErasureStatistics::Outcome::kFailed, "failed"}};

double AgeSeconds(std::optional<absl::Time> since, absl::Time now) {
  return since ? absl::ToDoubleSeconds(std::max(now - *since, absl::ZeroDuration())) : 0;
}

void AddReport(const StatusReport& report, absl::Time now, Families& families) {
  MetricFamily& by_state =
      Add(families, MetricType::Gauge, "expunge_erasures_by_state", "Erasures on record, by their state now.");
  for (const auto& [state, name] : kStates) AddValue(by_state, report.erasures_by_state[state], {{"state", name}});
  AddValue(
      Add(families, MetricType::Gauge, "expunge_erasures_open", "Erasures that are pending, in progress or failed."),
      report.erasures_by_state[records::Erasure::PENDING] + report.erasures_by_state[records::Erasure::IN_PROGRESS] +
          report.erasures_by_state[records::Erasure::FAILED]);
  AddValue(Add(families, MetricType::Gauge, "expunge_erasures_overdue", "Open erasures past their due time."),
           report.overdue);
  AddValue(Add(families, MetricType::Gauge, "expunge_oldest_open_erasure_age_seconds",
               "Time since the oldest open erasure was received; 0 when none is open."),
           AgeSeconds(report.oldest_open_received, now));
  AddValue(
      Add(families, MetricType::Gauge, "expunge_shards_dirty", "Shards that wait for a worker or are being trained."),
      uint64_t{report.dirty_shards});
  AddValue(Add(families, MetricType::Gauge, "expunge_purge_failing",
               "1 while erasures cannot be completed because their destroyed keys are not gone from the files, or this "
               "cannot be found out; else 0. The audit report says why."),
           report.purge_problem.ok() ? uint64_t{0} : uint64_t{1});
}

void AddStatistics(const ErasureStatistics& statistics, Families& families) {
  MetricFamily& received =
      Add(families, MetricType::Counter, "expunge_erasures_received_total", "Erasures that Forget recorded.");
  for (const auto& [regulation, name] : kRegulations) {
    AddValue(received, statistics.Received(regulation), {{"regulation", name}});
  }
  MetricFamily& reached = Add(families, MetricType::Counter, "expunge_erasures_total",
                              "Times that an erasure reached an outcome; one that is retried may fail again.");
  for (const auto& [regulation, regulation_name] : kRegulations) {
    for (const auto& [outcome, outcome_name] : kOutcomes) {
      AddValue(reached, statistics.Reached(regulation, outcome),
               {{"regulation", regulation_name}, {"outcome", outcome_name}});
    }
  }
  AddHistogram(Add(families, MetricType::Histogram, "expunge_isolation_seconds",
                   "From Forget received to isolated: no later Predict uses what knew the subject."),
               statistics.until_isolated());
  MetricFamily& persistence = Add(
      families, MetricType::Histogram, "expunge_delete_persistence_seconds",
      "From Forget received to a milestone of physical deletion. purged: no file holds a key of the erased any more. "
      "reclaimed: nor their ciphertext, the last byte is gone.");
  AddHistogram(persistence, statistics.until_purged(), {{"milestone", "purged"}});
  AddHistogram(persistence, statistics.until_reclaimed(), {{"milestone", "reclaimed"}});
}

void AddReclaim(const Reclaimer& reclaimer, Families& families) {
  AddValue(Add(families, MetricType::Gauge, "expunge_delete_persistence_threshold_seconds",
               "The configured bound from Forget received to reclaimed (--delete-persistence-threshold)."),
           absl::ToDoubleSeconds(reclaimer.options().delete_persistence_threshold));
  AddValue(Add(families, MetricType::Counter, "expunge_delete_persistence_missed_total",
               "Erasures that were reclaimed later than the configured bound."),
           reclaimer.late());
}

void AddLog(Engine& engine, Families& families) {
  const uint64_t signed_entries = engine.log_signer().newest().checkpoint.tree_size;
  const uint64_t entries = engine.keyring().log().size();
  AddValue(Add(families, MetricType::Gauge, "expunge_log_size", "Entries of the Merkle log."), entries);
  AddValue(Add(families, MetricType::Gauge, "expunge_log_unsigned",
               "Entries of the Merkle log that no signed checkpoint covers yet."),
           entries - signed_entries);
}

}  // namespace

Families EngineMetrics::Collect() const {
  Families families;
  const absl::Time now = clock_->Now();
  if (const auto report = engine_->auditor().Report(); report.ok()) {
    AddReport(*report, now, families);
  } else {
    Log(LogLevel::kError, "metrics_not_collected", {{"error", report.status().ToString()}});
  }
  AddLog(*engine_, families);
  AddStatistics(engine_->ledger().statistics(), families);
  AddReclaim(engine_->reclaimer(), families);
  if (const auto oldest = engine_->reclaimer().OldestWaiting(); oldest.ok()) {
    AddValue(Add(families, MetricType::Gauge, "expunge_oldest_unreclaimed_erasure_age_seconds",
                 "Time since the oldest erasure was received whose last byte is not gone yet; 0 when there is none. It "
                 "shows a missed bound before the erasure is reclaimed."),
             AgeSeconds(*oldest, now));
  } else {
    Log(LogLevel::kError, "metrics_not_collected", {{"error", oldest.status().ToString()}});
  }
  AddValue(Add(families, MetricType::Counter, "expunge_retrain_attempts_failed_total",
               "Attempts to bring a shard up to date that failed."),
           engine_->pool().failed_attempts());
  return families;
}

}  // namespace expunge
