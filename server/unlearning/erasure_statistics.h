#ifndef EXPUNGE_UNLEARNING_ERASURE_STATISTICS_H_
#define EXPUNGE_UNLEARNING_ERASURE_STATISTICS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "base/histogram.h"
#include "storage/keyring.h"
#include "unlearning/regulation.h"

namespace expunge {

// What became of erasures since the process started, beside what their records tell: how often, and how long after
// their Forget. Numbers alone, nobody's name. Thread-safe and without a lock: each count is a relaxed atomic addition.
class ErasureStatistics {
 public:
  enum class Outcome { kCompleted, kFailed };

  // An erasure before a change, as far as it is needed to see what the change was.
  struct Standing {
    explicit Standing(const records::Erasure& erasure);
    bool completed;
    bool failed;
    bool purged;
    bool reclaimed;
  };

  ErasureStatistics();

  // A new one: its arrival and its isolation, which its record has, or its outcome when it was completed at once.
  void CountRecorded(const records::Erasure& erasure);
  void CountChange(const Standing& before, const records::Erasure& after);

  uint64_t Received(Regulation regulation) const;
  // How often it was reached: an erasure that is retried may fail more than once.
  uint64_t Reached(Regulation regulation, Outcome outcome) const;

  // From the arrival of Forget to a milestone, of the erasures that had something to be forgotten.
  const Histogram& until_isolated() const { return until_isolated_; }
  const Histogram& until_purged() const { return until_purged_; }
  const Histogram& until_reclaimed() const { return until_reclaimed_; }

 private:
  static constexpr size_t kRegulations = 3;

  std::array<std::atomic<uint64_t>, kRegulations> received_ = {};
  std::array<std::array<std::atomic<uint64_t>, 2>, kRegulations> reached_ = {};
  Histogram until_isolated_;
  Histogram until_purged_;
  Histogram until_reclaimed_;
};

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_ERASURE_STATISTICS_H_
