#ifndef EXPUNGE_CLIENT_CLI_ERASURE_TEXT_H_
#define EXPUNGE_CLIENT_CLI_ERASURE_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "expunge/v1/resources.pb.h"

namespace expunge::cli {

// Erasures as people read them. Pure functions.

// One line each, under a header.
std::string ErasureTable(absl::Span<const v1::Erasure* const> erasures);

// All of one; `now` decides how far away the due time is.
std::string ErasureText(const v1::Erasure& erasure, absl::Time now);

// What happened between two states of one erasure, a line each: milestones, progress of the retrain, the final state.
// `before` is empty (no name) at first.
std::vector<std::string> DescribeChanges(const v1::Erasure& before, const v1::Erasure& now);

// COMPLETED, DENIED or FAILED: nothing will change any more.
bool IsFinal(const v1::Erasure& erasure);

// An error when the erasure ended otherwise than COMPLETED: FAILED_PRECONDITION, reason ERASURE_DENIED or
// ERASURE_FAILED.
absl::Status CheckOutcome(const v1::Erasure& erasure);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_ERASURE_TEXT_H_
