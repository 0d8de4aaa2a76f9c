#ifndef EXPUNGE_ENGINE_ENGINE_H_
#define EXPUNGE_ENGINE_ENGINE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/auditor.h"
#include "audit/certificates.h"
#include "audit/log_signer.h"
#include "base/clock.h"
#include "base/striped_locks.h"
#include "catalog/catalog.h"
#include "catalog/ingestor.h"
#include "catalog/rekeyer.h"
#include "model/trainer.h"
#include "storage/keyring.h"
#include "storage/store.h"
#include "unlearning/erasure_ledger.h"
#include "unlearning/purger.h"
#include "unlearning/reclaimer.h"
#include "unlearning/reconciler.h"
#include "unlearning/retrain_pool.h"
#include "unlearning/trace_checker.h"
#include "unlearning/unlearner.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace expunge {

// Everything but the wire, wired together over one data directory: what the server runs, and what tests and benches
// run without it. Thread-safe once recovered.
class Engine {
 public:
  struct Options {
    std::string data_dir;  // holds store/, keyring/ and, unless named below, master.key
    std::string master_key_file;
    LogSigner::Options log;  // files: by default log.key and log.checkpoint in the data directory
    std::string log_origin;  // see Keyring::Options
    RetrainPool::Options retrain;
    Reclaimer::Options reclaim;
    int recovery_threads = 1;
    uint64_t reserved_free_bytes = uint64_t{256} << 20;  // see RocksStoreOptions
    std::optional<Digest> pepper;                        // see Keyring::Options
    rocksdb::Env* env = nullptr;                         // see RocksStoreOptions
  };

  // Opens the data directory. FAILED_PRECONDITION: STORE_MISSING (there is a keyring that was in use, alone), and those
  // of CheckKeyringMatches; the errors of CheckSearchable, Keyring::Open, OpenRocksStore and LogSigner::Open. Workers
  // wait until Recover hands them something. `trainer` and `clock` are not owned and outlive the engine.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const Options& options, const Trainer* trainer,
                                                      const Clock* clock);

  // Unlearner::Recover: once, before anything else is called.
  absl::Status Recover();

  // Retrains stop at the next batch and reclaims soon; everything else goes on. What they owed is done after the next
  // start.
  void StopBackgroundWork() {
    pool_->Stop();
    reclaimer_->Stop();
  }

  Store& store() { return *store_; }
  Keyring& keyring() { return *keyring_; }
  Catalog& catalog() { return *catalog_; }
  Rekeyer& rekeyer() { return *rekeyer_; }
  Ingestor& ingestor() { return *ingestor_; }
  ErasureLedger& ledger() { return *ledger_; }
  Unlearner& unlearner() { return *unlearner_; }
  const Purger& purger() const { return *purger_; }
  Reclaimer& reclaimer() { return *reclaimer_; }
  const RetrainPool& pool() const { return *pool_; }
  const std::string& data_dir() const { return options_.data_dir; }
  Auditor& auditor() { return *auditor_; }
  LogSigner& log_signer() { return *log_signer_; }
  const Certificates& certificates() const { return *certificates_; }
  const Trainer& trainer() const { return *trainer_; }

 private:
  Engine(const Options& options, const Trainer* trainer) : options_(options), trainer_(trainer) {}
  absl::Status OpenStorage();
  absl::Status OpenLog(const Clock* clock);
  absl::Status TellOfRestore();

  // In the order of dependency: destruction is the shutdown.
  const Options options_;
  const Trainer* const trainer_;
  StripedLocks subject_locks_{size_t{1} << 16};  // a batch of Forgets or samples takes many
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Rekeyer> rekeyer_;
  std::unique_ptr<Ingestor> ingestor_;
  std::unique_ptr<LogSigner> log_signer_;
  std::unique_ptr<ErasureLedger> ledger_;
  std::unique_ptr<TrainingLog> training_log_;
  std::unique_ptr<TraceChecker> trace_checker_;
  std::unique_ptr<Purger> purger_;
  std::unique_ptr<Reclaimer> reclaimer_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<RetrainPool> pool_;
  std::unique_ptr<PrefixPublisher> publisher_;
  std::unique_ptr<Unlearner> unlearner_;
  std::unique_ptr<Auditor> auditor_;
  std::unique_ptr<Certificates> certificates_;
};

}  // namespace expunge

#endif  // EXPUNGE_ENGINE_ENGINE_H_
