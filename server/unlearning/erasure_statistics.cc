#include "unlearning/erasure_statistics.h"

#include <vector>

#include "absl/time/time.h"

namespace expunge {
namespace {

std::vector<absl::Duration> IsolationBounds() {
  std::vector<absl::Duration> bounds;
  for (const double seconds : {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0}) {
    bounds.push_back(absl::Seconds(seconds));
  }
  return bounds;
}

// The same for every milestone of deletion, so that they can be compared.
std::vector<absl::Duration> DeletionBounds() {
  return {absl::Milliseconds(100), absl::Milliseconds(500), absl::Seconds(1),    absl::Seconds(5),
          absl::Seconds(15),       absl::Minutes(1),        absl::Minutes(5),    absl::Minutes(30),
          absl::Hours(1),          absl::Hours(6),          absl::Hours(12),     absl::Hours(18),
          absl::Hours(24),         absl::Hours(48),         absl::Hours(24) * 7, absl::Hours(24) * 30};
}

// A number that a later version wrote counts among the others.
size_t RegulationIndex(uint32_t regulation) {
  switch (static_cast<Regulation>(regulation)) {
    case Regulation::kGdpr:
      return 0;
    case Regulation::kCcpa:
      return 1;
    case Regulation::kOther:
      break;
  }
  return 2;
}

absl::Duration SinceReceived(const records::Erasure& erasure, int64_t micros) {
  return absl::Microseconds(micros - erasure.received_time_micros());
}

size_t RegulationIndex(Regulation regulation) { return RegulationIndex(static_cast<uint32_t>(regulation)); }

}  // namespace

ErasureStatistics::Standing::Standing(const records::Erasure& erasure)
    : completed(erasure.state() == records::Erasure::COMPLETED),
      failed(erasure.state() == records::Erasure::FAILED),
      purged(erasure.purged_time_micros() != 0),
      reclaimed(erasure.reclaimed_time_micros() != 0) {}

ErasureStatistics::ErasureStatistics()
    : until_isolated_(IsolationBounds()), until_purged_(DeletionBounds()), until_reclaimed_(DeletionBounds()) {}

void ErasureStatistics::CountRecorded(const records::Erasure& erasure) {
  const size_t regulation = RegulationIndex(erasure.regulation());
  received_[regulation].fetch_add(1, std::memory_order_relaxed);
  if (erasure.state() == records::Erasure::COMPLETED) {
    reached_[regulation][static_cast<size_t>(Outcome::kCompleted)].fetch_add(1, std::memory_order_relaxed);
  } else {
    until_isolated_.Observe(SinceReceived(erasure, erasure.isolated_time_micros()));
  }
}

void ErasureStatistics::CountChange(const Standing& before, const records::Erasure& after) {
  const Standing now(after);
  auto& reached = reached_[RegulationIndex(after.regulation())];
  const auto count = [&reached](Outcome outcome) {
    reached[static_cast<size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
  };
  if (now.completed && !before.completed) count(Outcome::kCompleted);
  if (now.failed && !before.failed) count(Outcome::kFailed);
  if (now.purged && !before.purged) until_purged_.Observe(SinceReceived(after, after.purged_time_micros()));
  if (now.reclaimed && !before.reclaimed) until_reclaimed_.Observe(SinceReceived(after, after.reclaimed_time_micros()));
}

uint64_t ErasureStatistics::Received(Regulation regulation) const {
  return received_[RegulationIndex(regulation)].load(std::memory_order_relaxed);
}

uint64_t ErasureStatistics::Reached(Regulation regulation, Outcome outcome) const {
  return reached_[RegulationIndex(regulation)][static_cast<size_t>(outcome)].load(std::memory_order_relaxed);
}

}  // namespace expunge
