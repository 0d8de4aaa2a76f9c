#include "tests/crash/workload.h"

#include "tests/crash/settings.h"

namespace expunge {

Workload::Workload(uint32_t seed) {
  for (int i = 0; i < kCallers; ++i) callers_.push_back(std::make_unique<Caller>(i, seed, &service_, &erasures_));
}

Workload::~Workload() {
  service_.Abandon();
  Join();
}

void Workload::Begin() {
  service_.Begin();
  for (const auto& caller : callers_) threads_.emplace_back([caller = caller.get()] { caller->Run(); });
}

void Workload::End() {
  service_.End();
  Join();
  service_.Up(nullptr);  // a server's orderly end would wait for a connection that nobody looks after
}

void Workload::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<SubjectLedger*> Workload::ledgers() const {
  std::vector<SubjectLedger*> ledgers;
  for (const auto& caller : callers_) ledgers.push_back(caller->ledger());
  return ledgers;
}

}  // namespace expunge
