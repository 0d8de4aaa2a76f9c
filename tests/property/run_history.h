#ifndef EXPUNGE_TESTS_PROPERTY_RUN_HISTORY_H_
#define EXPUNGE_TESTS_PROPERTY_RUN_HISTORY_H_

#include <functional>
#include <memory>
#include <string>

#include "model/trainer.h"
#include "tests/property/history.h"

namespace expunge {

// Lives a history on a real data directory in a process of its own, which is killed with SIGKILL where the history says
// so and started again, and checks
//  - after every step: no constituent that votes, and no checkpoint whose key exists, knows a sample's life that is
//    over (told by the bytes that trained it);
//  - at the end: the membership is what remains; every checkpoint and every constituent has exactly the bits that a
//    plain loop gives, written without any of the machinery, from the samples that remain; and nothing is owed any
//    more.
// Returns an empty string, or what was wrong. `make_trainer` is called in the child, so that no thread lives across the
// fork.
std::string RunHistory(const History& history, const std::function<std::unique_ptr<Trainer>()>& make_trainer);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_PROPERTY_RUN_HISTORY_H_
