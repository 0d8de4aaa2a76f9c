#ifndef EXPUNGE_TESTS_FAULTS_CLIENT_H_
#define EXPUNGE_TESTS_FAULTS_CLIENT_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "tests/faults/ledger.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/hash_trainer.h"
#include "tests/testing/simulated_clock.h"
#include "tests/testing/tainting_trainer.h"

namespace expunge {

// Calls an engine whose files may fail, keeps a ledger of what was acknowledged and compares every reply with it.
// Whatever contradicts it, or lets a forgotten subject's influence be served, is a problem. An error is none, as long
// as it is one that the headers promise and says what to do.
//
// A call that failed, or that could not be made, is made again by Repeat.
class Client {
 public:
  enum class Expect {
    kErrors,  // a call may fail; waiting ends once one has, or once the files have
    kNone,    // an error is a problem
  };

  // `files` is not owned; `env` reaches it.
  Client(const std::string& data_dir, FaultyFileSystem* files, rocksdb::Env* env);
  ~Client();

  void SetExpect(Expect expect) {
    expect_ = expect;
    errors_ = 0;
    reasons_.clear();
  }

  // Opens and recovers. Without an engine the calls below are not made.
  void Open();
  void Close() { engine_.reset(); }

  void Create(const std::string& model, const ModelSpec& spec);
  // Samples 0 to `samples` - 1 of each subject.
  void Ingest(const std::string& model, const std::set<int>& subjects, int samples, bool new_consent = false);
  void Commit();
  void Train(const std::string& model);
  // `number` makes the request's id. No models: all. No samples: all.
  void Forget(int number, int subject, const std::vector<std::string>& models = {}, const std::set<int>& samples = {});
  void Delete(const std::string& model);
  void Purge();
  void Reclaim();
  void WaitIdle();

  // Makes every call that failed again, in their order.
  void Repeat();

  // Every erasure that was acknowledged is there, the same, and once, also in the auditor's list; asking for it again
  // changes nothing.
  void CheckErasures();
  // Who was forgotten is refused, whoever was not still has the samples that were acknowledged.
  void CheckSamples();
  // No key that an acknowledged erasure destroyed is back: of a subject, or of a checkpoint that knew it.
  void CheckKeys();
  // No constituent that answers a Predict knows a forgotten sample, or was trained by nobody.
  void CheckVotes();
  // Makes every shard train from scratch; every sample that is left is then known, and no other.
  void CheckTraining();
  // Nothing is owed any more.
  void CheckCompleted();

  void NotePowerLoss() { ledger_.NotePowerLoss(); }
  // What the client knows, to go back to it together with the files.
  const Ledger& ledger() const { return ledger_; }
  void Remember(const Ledger& ledger);

  int acknowledged() const { return ledger_.acknowledged(); }
  int errors() const { return errors_; }                             // that calls returned since SetExpect
  const std::set<std::string>& reasons() const { return reasons_; }  // of these errors
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  using Call = std::function<void()>;

  std::shared_ptr<ModelEntry> Find(const std::string& model);
  bool Note(const absl::Status& status, const std::string& what);  // whether it is OK
  void Complain(const std::string& what, const std::string& complaint);
  void TryIngest(const std::string& model, int subject, const std::set<int>& samples, bool new_consent,
                 const Call& again);
  void TryForget(int number, const ForgetRequest& request, int subject, const std::set<int>& samples,
                 const Call& again);
  void RememberCheckpoints();
  // By model, of those that the request is about.
  std::map<std::string, std::string> SubjectKeyIds(const ForgetRequest& request);
  void CheckAudit();
  std::set<uint32_t> KnownIn(ModelEntry& entry) const;

  FaultyFileSystem* const files_;
  HashTrainer hash_;
  TaintingTrainer trainer_;
  const SimulatedClock clock_;
  Engine::Options options_;
  Expect expect_ = Expect::kErrors;
  Ledger ledger_;
  std::vector<Call> failed_;
  int errors_ = 0;
  std::set<std::string> reasons_;
  std::vector<std::string> problems_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_CLIENT_H_
