#ifndef EXPUNGE_TESTS_FAULTS_SCRIPT_H_
#define EXPUNGE_TESTS_FAULTS_SCRIPT_H_

#include "tests/faults/client.h"

namespace expunge {

// A small fixed history in two lives of an engine: three models, ingests, trainings, erasures of everything, of one
// model, of one sample and of nobody, a return with new consent, a reclaim, a deleted model. The same calls whatever
// fails.
void RunScript(Client& client);

// After the script, with healthy files: opens, and checks every promise; what failed is then repeated, everything is
// trained again and every erasure completed. `twice`: opens once more to see that all of it lasted.
void CheckEverything(Client& client, bool twice);

// The same where files are damaged: every call gives the truth or an error that says so.
void CheckDamaged(Client& client);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_SCRIPT_H_
