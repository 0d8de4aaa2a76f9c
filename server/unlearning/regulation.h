#ifndef EXPUNGE_UNLEARNING_REGULATION_H_
#define EXPUNGE_UNLEARNING_REGULATION_H_

#include "absl/time/time.h"

namespace expunge {

// The numbers are persisted.
enum class Regulation { kGdpr = 1, kCcpa = 2, kOther = 3 };

// When an answer is due, counted from receipt. GDPR Art. 12(3): one calendar month, to the last day of a shorter month.
// CCPA regulations §7021: 45 calendar days. Others: 30 days. In UTC.
absl::Time DueTime(Regulation regulation, absl::Time received);

}  // namespace expunge

#endif  // EXPUNGE_UNLEARNING_REGULATION_H_
