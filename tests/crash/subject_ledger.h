#ifndef EXPUNGE_TESTS_CRASH_SUBJECT_LEDGER_H_
#define EXPUNGE_TESTS_CRASH_SUBJECT_LEDGER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "expunge/v1/erasure_service.pb.h"
#include "expunge/v1/model_service.pb.h"

namespace expunge {

// What a client may rely on: everything that the server acknowledged to it, about subjects that this client alone has
// and about models that others use as well. The checks of replies are GoogleTest expectations. Not thread-safe.
class SubjectLedger {
 public:
  struct Erasure {
    v1::ForgetRequest request;
    v1::Erasure seen;  // as the server showed it last
  };

  // An ingest of these samples (subject to indices) was acknowledged. `attempts`: how often it was sent.
  using Samples = std::map<std::string, std::set<int>>;
  void Ingested(const std::string& model, const Samples& samples, bool new_consent, int attempts,
                const v1::IngestSamplesResponse& reply);

  // A Forget was acknowledged. `models`: all that there are.
  void Forgot(const v1::ForgetRequest& request, const std::vector<std::string>& models, const v1::Erasure& reply);

  // The server showed an erasure. One of these subjects' stands no less far than when it was shown before.
  void Saw(const v1::Erasure& erasure);

  // A TrainModel was acknowledged.
  void Trained(const v1::Model& reply);
  // The server showed a model. What was acknowledged is not taken back.
  void Saw(const v1::Model& model) const;
  bool IsTrained(const std::string& model) const { return train_times_.contains(model); }

  const std::vector<Erasure>& erasures() const { return erasures_; }
  std::set<std::string> ErasuresOf(const std::string& subject) const;  // their names
  int64_t SamplesIn(const std::string& model) const;
  int64_t SubjectsIn(const std::string& model) const;
  // Subjects that were forgotten in the model and have not consented since.
  std::vector<std::string> ForgottenIn(const std::string& model) const;

 private:
  struct Standing {
    std::set<int> samples;
    bool forgotten = false;
    std::set<int> forgotten_samples;  // each by itself
  };

  std::map<std::string, std::map<std::string, Standing>> standings_;  // by model, then subject
  std::vector<Erasure> erasures_;                                     // of distinct requests, in the order of replies
  std::map<std::string, absl::Time> train_times_;  // by model: of the newest training that was acknowledged
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_CRASH_SUBJECT_LEDGER_H_
