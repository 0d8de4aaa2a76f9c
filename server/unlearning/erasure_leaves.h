#ifndef EXPUNGE_UNLEARNING_ERASURE_LEAVES_H_
#define EXPUNGE_UNLEARNING_ERASURE_LEAVES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/erasure_records.h"

namespace expunge {

// What the log says of an erasure, from its record alone. Nothing of it leads to the person but for who knows the
// nonce.

std::string ReceivedLeaf(const records::Erasure& erasure);
std::string FailedLeaf(const records::Erasure& erasure, absl::Time time);
std::string ResumedLeaf(const records::Erasure& erasure, absl::Time time);

// The in-toto statement of a COMPLETED erasure whose log_index is set. DATA_LOSS (STORAGE_CORRUPT): the record holds a
// digest that is none.
absl::StatusOr<std::string> StatementOf(const records::Erasure& erasure, const std::string& log_origin);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_ERASURE_LEAVES_H_
