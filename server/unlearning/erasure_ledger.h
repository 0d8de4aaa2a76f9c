#ifndef EXPUNGE_UNLEARNING_ERASURE_LEDGER_H_
#define EXPUNGE_UNLEARNING_ERASURE_LEDGER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/notifier.h"
#include "base/striped_locks.h"
#include "model/ids.h"
#include "storage/keyring.h"
#include "unlearning/erasure_statistics.h"

namespace expunge {

// Every erasure from its record to COMPLETED, and what the log tells of it: received, failed, resumed, and, when it is
// COMPLETED, its certificate, each in the write that makes it so. The only one who writes erasure records; serializes
// changes of one record. Thread-safe. `keyring` and `clock` are not owned.
class ErasureLedger {
 public:
  // Counts the erasures by state: reads every record once.
  static absl::StatusOr<std::unique_ptr<ErasureLedger>> Open(Keyring* keyring, const Clock* clock);

  // The next sequence number: never given twice while the process lives; gaps are possible, because an erasure may come
  // to nothing. It counts as not isolated until EndIsolation, which follows when it is on record, or came to nothing.
  ErasureSequence BeginIsolation();
  void EndIsolation(ErasureSequence sequence);

  // Until isolated_through() has come to `sequence`. Not between BeginIsolation and EndIsolation of one's own.
  void AwaitIsolated(ErasureSequence sequence) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Every erasure up to this one is isolated from every snapshot that is taken after this call. Takes no lock.
  ErasureSequence isolated_through() const { return isolated_through_.load(std::memory_order_acquire); }

  // Keyring::RecordErasures. Durable when it returns. `erasures` are those of the writes: one that is COMPLETED already
  // gets its certificate.
  absl::Status Record(absl::Span<const Keyring::ErasureWrite> writes,
                      absl::Span<records::Erasure* const> erasures = {});

  // Milestones. Each is kept once set; repeating changes nothing.
  absl::Status MarkPurged(absl::Span<const ErasureSequence> sequences, absl::Time time);  // durable
  // The shard's constituent is up to date again, for those erasures that had been recorded before it was examined and
  // find `still_true` true after that: a Forget on its way destroys what is up to date. Durable.
  struct Retrained {
    double worker_seconds = 0;
    absl::Time time;
    std::vector<records::Erasure::CheckpointDigest> checkpoints;  // ascending; none: the shard has no sample
    std::string numeric_environment;
  };
  absl::Status MarkRetrained(ShardId shard, absl::Span<const ErasureSequence> sequences, const Retrained& retrained,
                             const std::function<bool()>& still_true);

  // Nothing of the erased is in any file any more. Survives the end of the process.
  absl::Status MarkReclaimed(absl::Span<const ErasureSequence> sequences, absl::Time time);

  // Training in a shard of theirs failed too often: from IN_PROGRESS to FAILED. Durable.
  absl::Status MarkFailed(absl::Span<const ErasureSequence> sequences, const absl::Status& why);
  // From FAILED back to IN_PROGRESS; others stay as they are. Durable. NOT_FOUND (ERASURE_NOT_FOUND).
  absl::StatusOr<records::Erasure> MarkRetried(std::string_view uuid);

  absl::StatusOr<records::Erasure> Find(std::string_view uuid) const;  // NOT_FOUND (ERASURE_NOT_FOUND)

  // Those with a task in this shard that is not retrained yet, ascending.
  absl::StatusOr<std::vector<ErasureSequence>> PendingIn(ShardId shard) const {
    return keyring_->erasures().PendingIn(shard);
  }

  // An erasure of this subject (Keyring::ForgottenName) is on record whose keys may still be on disk.
  bool OwesPurge(std::string_view subject) const;

  // Number of erasures by records::Erasure::State.
  std::array<uint64_t, 6> CountsByState() const;

  // Of what this ledger wrote, once it was written.
  const ErasureStatistics& statistics() const { return statistics_; }

  Notifier& changes() { return changes_; }  // told after every change of any record, and by the purger of each purge

 private:
  ErasureLedger(Keyring* keyring, const Clock* clock);

  struct Piece;
  // Applies `change` to each record that exists and writes those that it changed, some at a time. What is owed no more
  // becomes COMPLETED.
  absl::Status Update(absl::Span<const ErasureSequence> sequences, bool synced,
                      const std::function<bool(records::Erasure&)>& change);
  absl::Status Change(absl::Span<const ErasureSequence> sequences, const std::function<bool(records::Erasure&)>& change,
                      Piece* piece);
  absl::Status Write(Piece& piece, bool synced);
  // The leaf is the certificate's statement, which names its own place in the log.
  absl::Status Certify(records::Erasure& erasure, LogBatch& log) const;

  Keyring* const keyring_;
  const Clock* const clock_;
  StripedLocks record_locks_;
  Notifier changes_;
  ErasureStatistics statistics_;
  mutable Mutex mutex_;
  mutable CondVar isolated_;
  ErasureSequence last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::multiset<std::string> unpurged_ ABSL_GUARDED_BY(mutex_);  // their subjects, one for each such erasure
  std::set<ErasureSequence> isolating_ ABSL_GUARDED_BY(mutex_);
  std::atomic<ErasureSequence> isolated_through_ = 0;
  std::array<uint64_t, 6> counts_ ABSL_GUARDED_BY(mutex_) = {};
};

// The subject's erasure owes nothing any more: every task retrained and the keys purged.
bool OwesNothing(const records::Erasure& erasure);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_ERASURE_LEDGER_H_
