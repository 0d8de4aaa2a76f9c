#ifndef EXPUNGE_TESTS_FAULTS_ADVICE_H_
#define EXPUNGE_TESTS_FAULTS_ADVICE_H_

#include <string>

#include "absl/status/status.h"

namespace expunge {

// What is wrong with an error that a call returned because files failed; empty: it has a code that the headers promise,
// a reason, and says what to do.
std::string BadError(const absl::Status& status);

// The same for the text of one, as a shard's status has it.
std::string BadProblem(const std::string& text);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_ADVICE_H_
