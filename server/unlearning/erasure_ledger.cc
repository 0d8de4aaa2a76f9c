#include "unlearning/erasure_ledger.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "unlearning/erasure_leaves.h"

namespace expunge {
namespace {

constexpr size_t kRecordStripes = 1024;

// Its keys may still be on disk.
bool OwesPurgeItself(const records::Erasure& erasure) {
  return IsUnfinished(erasure) && erasure.purged_time_micros() == 0;
}

void NameRestored(const ErasureLedger::Retrained& retrained, records::Erasure::ShardTask* task) {
  for (const records::Erasure::CheckpointDigest& checkpoint : retrained.checkpoints) {
    if (checkpoint.slice() >= task->first_slice()) *task->add_restored() = checkpoint;
  }
  if (task->restored_size() > 0) task->set_numeric_environment(retrained.numeric_environment);
}

// A state that a later version wrote counts as unspecified.
size_t StateIndex(records::Erasure::State state) {
  return records::Erasure::State_IsValid(state) ? state : records::Erasure::STATE_UNSPECIFIED;
}

}  // namespace

bool OwesNothing(const records::Erasure& erasure) {
  return erasure.purged_time_micros() != 0 &&
         std::all_of(erasure.tasks().begin(), erasure.tasks().end(), [](const auto& task) { return task.retrained(); });
}

ErasureLedger::ErasureLedger(Keyring* keyring, const Clock* clock)
    : keyring_(keyring), clock_(clock), record_locks_(kRecordStripes) {}

absl::StatusOr<std::unique_ptr<ErasureLedger>> ErasureLedger::Open(Keyring* keyring, const Clock* clock) {
  std::unique_ptr<ErasureLedger> ledger(new ErasureLedger(keyring, clock));
  std::array<uint64_t, 6> counts = {};
  std::multiset<std::string> unpurged;
  RETURN_IF_ERROR(keyring->erasures().Scan(1, [&](const records::Erasure& erasure) {
    ++counts[StateIndex(erasure.state())];
    if (OwesPurgeItself(erasure)) unpurged.insert(erasure.subject());
    return true;
  }));
  ASSIGN_OR_RETURN(const ErasureSequence last, keyring->erasures().Last());
  MutexLock lock(&ledger->mutex_);
  ledger->counts_ = counts;
  ledger->unpurged_ = std::move(unpurged);
  ledger->last_sequence_ = last;
  ledger->isolated_through_ = last;
  return ledger;
}

ErasureSequence ErasureLedger::BeginIsolation() {
  MutexLock lock(&mutex_);
  isolating_.insert(++last_sequence_);
  return last_sequence_;
}

void ErasureLedger::EndIsolation(ErasureSequence sequence) {
  MutexLock lock(&mutex_);
  isolating_.erase(sequence);
  isolated_through_.store(isolating_.empty() ? last_sequence_ : *isolating_.begin() - 1, std::memory_order_release);
  isolated_.SignalAll();
}

void ErasureLedger::AwaitIsolated(ErasureSequence sequence) const {
  MutexLock lock(&mutex_);
  while (isolated_through() < sequence) isolated_.Wait(&mutex_);
}

absl::Status ErasureLedger::Record(absl::Span<const Keyring::ErasureWrite> writes,
                                   absl::Span<records::Erasure* const> erasures) {
  RETURN_IF_ERROR(keyring_->RecordErasures(writes, [&](LogBatch& log) -> absl::Status {
    for (records::Erasure* const erasure : erasures) {
      log.Append(ReceivedLeaf(*erasure), clock_->Now());
      if (erasure->state() == records::Erasure::COMPLETED) RETURN_IF_ERROR(Certify(*erasure, log));
    }
    return absl::OkStatus();
  }));
  for (const Keyring::ErasureWrite& write : writes) statistics_.CountRecorded(*write.erasure);
  {
    MutexLock lock(&mutex_);
    for (const Keyring::ErasureWrite& write : writes) {
      ++counts_[StateIndex(write.erasure->state())];
      if (OwesPurgeItself(*write.erasure)) unpurged_.insert(write.erasure->subject());
    }
  }
  changes_.Notify();
  return absl::OkStatus();
}

absl::Status ErasureLedger::MarkPurged(absl::Span<const ErasureSequence> sequences, absl::Time time) {
  return Update(sequences, /*synced=*/true, [time](records::Erasure& erasure) {
    if (erasure.purged_time_micros() != 0) return false;
    erasure.set_shredded_time_micros(absl::ToUnixMicros(time));
    erasure.set_purged_time_micros(absl::ToUnixMicros(time));
    return true;
  });
}

absl::Status ErasureLedger::MarkRetrained(ShardId shard, absl::Span<const ErasureSequence> sequences,
                                          const Retrained& retrained, const std::function<bool()>& still_true) {
  return Update(sequences, /*synced=*/true, [&](records::Erasure& erasure) {
    if (!still_true()) return false;
    bool changed = false;
    bool all = true;
    for (auto& task : *erasure.mutable_tasks()) {
      if (task.model() == shard.model && task.shard() == shard.shard && !task.retrained()) {
        task.set_retrained(true);
        task.set_worker_seconds(retrained.worker_seconds);
        NameRestored(retrained, &task);
        changed = true;
      }
      all = all && task.retrained();
    }
    if (changed && all) erasure.set_retrained_time_micros(absl::ToUnixMicros(retrained.time));
    return changed;
  });
}

absl::Status ErasureLedger::MarkReclaimed(absl::Span<const ErasureSequence> sequences, absl::Time time) {
  return Update(sequences, /*synced=*/false, [time](records::Erasure& erasure) {
    if (erasure.reclaimed_time_micros() != 0) return false;
    erasure.set_reclaimed_time_micros(absl::ToUnixMicros(time));
    return true;
  });
}

absl::Status ErasureLedger::MarkFailed(absl::Span<const ErasureSequence> sequences, const absl::Status& why) {
  return Update(sequences, /*synced=*/true, [&why](records::Erasure& erasure) {
    if (erasure.state() != records::Erasure::IN_PROGRESS) return false;
    erasure.set_state(records::Erasure::FAILED);
    erasure.set_failure(std::string(why.message()));
    erasure.set_failure_reason(ReasonOf(why));
    return true;
  });
}

absl::StatusOr<records::Erasure> ErasureLedger::MarkRetried(std::string_view uuid) {
  ASSIGN_OR_RETURN(const records::Erasure found, Find(uuid));
  RETURN_IF_ERROR(Update({found.sequence()}, /*synced=*/true, [](records::Erasure& erasure) {
    if (erasure.state() != records::Erasure::FAILED) return false;
    erasure.set_state(records::Erasure::IN_PROGRESS);
    erasure.clear_failure();
    erasure.clear_failure_reason();
    return true;
  }));
  return Find(uuid);
}

absl::StatusOr<records::Erasure> ErasureLedger::Find(std::string_view uuid) const {
  ASSIGN_OR_RETURN(auto found, keyring_->erasures().Find(uuid));
  if (!found) return Error(absl::StatusCode::kNotFound, "ERASURE_NOT_FOUND", "there is no such erasure");
  return *std::move(found);
}

bool ErasureLedger::OwesPurge(std::string_view subject) const {
  MutexLock lock(&mutex_);
  return unpurged_.contains(std::string(subject));
}

std::array<uint64_t, 6> ErasureLedger::CountsByState() const {
  MutexLock lock(&mutex_);
  return counts_;
}

// Some erasures that are changed in one write.
struct ErasureLedger::Piece {
  std::vector<records::Erasure> changed;
  std::vector<records::Erasure::State> state_before;         // of those
  std::vector<ErasureStatistics::Standing> standing_before;  // of those
  std::vector<std::string> purged;
  std::vector<ErasureSequence> reclaimed;  // their traces are no longer needed
};

absl::Status ErasureLedger::Update(absl::Span<const ErasureSequence> sequences, bool synced,
                                   const std::function<bool(records::Erasure&)>& change) {
  // Each once: one that is read twice before it is written would be counted twice.
  std::vector<ErasureSequence> once(sequences.begin(), sequences.end());
  std::sort(once.begin(), once.end());
  once.erase(std::unique(once.begin(), once.end()), once.end());
  // In pieces, so that a long list holds neither many records in memory nor many locks.
  constexpr size_t kPiece = 256;
  for (size_t begin = 0; begin < once.size(); begin += kPiece) {
    const absl::Span<const ErasureSequence> some = absl::MakeConstSpan(once).subspan(begin, kPiece);
    const StripedLocks::Held held = record_locks_.Lock({some.begin(), some.end()});
    Piece piece;
    RETURN_IF_ERROR(Change(some, change, &piece));
    if (!piece.changed.empty()) RETURN_IF_ERROR(Write(piece, synced));
  }
  changes_.Notify();
  return absl::OkStatus();
}

absl::Status ErasureLedger::Change(absl::Span<const ErasureSequence> sequences,
                                   const std::function<bool(records::Erasure&)>& change, Piece* piece) {
  for (const ErasureSequence sequence : sequences) {
    ASSIGN_OR_RETURN(auto erasure, keyring_->erasures().Get(sequence));
    if (!erasure) continue;
    const bool owed_purge = OwesPurgeItself(*erasure);
    const records::Erasure::State state_before = erasure->state();
    const ErasureStatistics::Standing standing(*erasure);
    if (!change(*erasure)) continue;
    if (owed_purge && !OwesPurgeItself(*erasure)) piece->purged.push_back(erasure->subject());
    if (IsUnfinished(*erasure) && OwesNothing(*erasure)) {
      erasure->set_state(records::Erasure::COMPLETED);
      erasure->clear_failure();
      erasure->clear_failure_reason();
      erasure->set_completed_time_micros(absl::ToUnixMicros(clock_->Now()));
    }
    if (erasure->reclaimed_time_micros() != 0) piece->reclaimed.push_back(sequence);
    piece->state_before.push_back(state_before);
    piece->standing_before.push_back(standing);
    piece->changed.push_back(*std::move(erasure));
  }
  return absl::OkStatus();
}

absl::Status ErasureLedger::Write(Piece& piece, bool synced) {
  const auto append = [&](LogBatch& log) -> absl::Status {
    const absl::Time now = clock_->Now();
    for (size_t i = 0; i < piece.changed.size(); ++i) {
      records::Erasure& erasure = piece.changed[i];
      if (erasure.state() == piece.state_before[i]) continue;
      if (erasure.state() == records::Erasure::COMPLETED) RETURN_IF_ERROR(Certify(erasure, log));
      if (erasure.state() == records::Erasure::FAILED) log.Append(FailedLeaf(erasure, now), now);
      if (erasure.state() == records::Erasure::IN_PROGRESS) log.Append(ResumedLeaf(erasure, now), now);
    }
    return absl::OkStatus();
  };
  const bool told = !std::equal(piece.changed.begin(), piece.changed.end(), piece.state_before.begin(),
                                [](const auto& erasure, auto before) { return erasure.state() == before; });
  RETURN_IF_ERROR(keyring_->erasures().Update(piece.changed, synced, piece.reclaimed,
                                              told ? AppendLeaves(append) : AppendLeaves(nullptr)));
  for (size_t i = 0; i < piece.changed.size(); ++i) {
    statistics_.CountChange(piece.standing_before[i], piece.changed[i]);
  }
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < piece.changed.size(); ++i) {
    --counts_[StateIndex(piece.state_before[i])];
    ++counts_[StateIndex(piece.changed[i].state())];
  }
  for (const std::string& subject : piece.purged) {
    if (const auto one = unpurged_.find(subject); one != unpurged_.end()) unpurged_.erase(one);
  }
  return absl::OkStatus();
}

absl::Status ErasureLedger::Certify(records::Erasure& erasure, LogBatch& log) const {
  erasure.set_certified_time_micros(erasure.completed_time_micros());
  erasure.set_log_index(log.next_index());
  ASSIGN_OR_RETURN(const std::string statement, StatementOf(erasure, keyring_->log_origin()));
  log.Append(statement, absl::FromUnixMicros(erasure.completed_time_micros()));
  return absl::OkStatus();
}

}  // namespace expunge
