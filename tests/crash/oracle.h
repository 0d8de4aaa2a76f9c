#ifndef EXPUNGE_TESTS_CRASH_ORACLE_H_
#define EXPUNGE_TESTS_CRASH_ORACLE_H_

#include <vector>

#include "tests/crash/subject_ledger.h"
#include "tests/testing/server_process.h"

namespace expunge {

// Waits until the server has done what it owes, and expects what the ledgers of all its clients hold, and nothing else:
// each erasure once, completed, with its samples; the forgotten refused; each model trained on the samples that remain,
// to the same bits as from scratch. Trains the models. Nobody else may use the server meanwhile. One that never gets
// there is killed.
void ExpectWhatWasAcknowledged(ServerProcess& server, const std::vector<SubjectLedger*>& ledgers);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_ORACLE_H_
