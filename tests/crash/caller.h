#ifndef EXPUNGE_TESTS_CRASH_CALLER_H_
#define EXPUNGE_TESTS_CRASH_CALLER_H_

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "expunge/v1/erasure_service.pb.h"
#include "tests/crash/service.h"
#include "tests/crash/subject_ledger.h"

namespace expunge {

// One client of a workload: its own subjects, its own random numbers, its own ledger, against which it checks what
// every reply shows.
class Caller {
 public:
  // Shared by all clients: `service`, and how many erasures were acknowledged to them. Not owned.
  Caller(int number, uint32_t seed, Service* service, std::atomic<int64_t>* erasures);

  // Makes calls while the service is going on. The first time it begins with the ingest of every one of its subjects.
  void Run();

  // Not while it runs.
  SubjectLedger* ledger() { return &ledger_; }

 private:
  int Below(int bound);
  template <typename T>
  const T& AnyOf(const std::vector<T>& choices) {
    return choices[static_cast<size_t>(Below(static_cast<int>(choices.size())))];
  }
  std::string Subject(int index) const;
  std::string AnySubject();

  void CallAny();
  void IngestEverySubject();
  void IngestSome();
  void Ingest(const std::string& model, const SubjectLedger::Samples& samples, bool new_consent);
  void Forget();
  // The reply was lost and the request is not repeated: the server has finished it by itself, or knows nothing of it.
  void LearnWhetherForgotten(const v1::ForgetRequest& request);
  void ForgetAgain();
  void LookAtErasure();
  absl::StatusOr<v1::Erasure> GetErasure(const std::string& name);
  void Reclaim();
  void Train();
  void Predict();
  void Audit();
  void AuditOneSubject();

  const int number_;
  std::mt19937 random_;
  Service* const service_;
  std::atomic<int64_t>* const erasures_;
  bool has_begun_ = false;
  SubjectLedger ledger_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_CALLER_H_
