#ifndef EXPUNGE_TESTS_CRASH_WORKLOAD_H_
#define EXPUNGE_TESTS_CRASH_WORKLOAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "client/client.h"
#include "tests/crash/caller.h"
#include "tests/crash/service.h"
#include "tests/crash/subject_ledger.h"

namespace expunge {

// Clients (kCallers) that ingest, train, forget, predict and audit at random, through as many restarts of the server as
// there are. Each has subjects of its own and keeps a ledger of what was acknowledged about them; what a reply shows is
// checked against it by GoogleTest expectations. Not thread-safe.
class Workload {
 public:
  explicit Workload(uint32_t seed);  // decides what the clients ask for, not what hits whom
  ~Workload();                       // when they still go on, without a server

  // The clients go on until End, as soon as a server is up.
  void Begin();
  // A server serves; the one before, if any, has ended.
  void Up(std::shared_ptr<Client> client) { service_.Up(std::move(client)); }
  // Returns when the server, which must be up, has answered every call that was under way.
  void End();

  // Returns after so many answers; earlier when a client has found something that ends the test.
  void WaitForAnswers(int count) { service_.WaitForAnswers(count); }

  int64_t answers() const { return service_.answers(); }
  int64_t erasures() const { return erasures_; }  // acknowledged
  // One of each client; to be used between End and Begin.
  std::vector<SubjectLedger*> ledgers() const;

 private:
  void Join();

  Service service_;
  std::atomic<int64_t> erasures_ = 0;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::vector<std::thread> threads_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_WORKLOAD_H_
