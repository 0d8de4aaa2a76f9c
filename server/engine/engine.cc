#include "engine/engine.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "storage/rocks_store.h"
#include "storage/trace_search.h"

namespace expunge {

namespace {

// The store may be older than the keyring, but not the other way round: an old keyring has the keys of those who were
// forgotten since.
absl::Status CheckKeyringIsNewest(Store& store, const Keyring& keyring) {
  ASSIGN_OR_RETURN(const ErasureSequence known, keyring.erasures().Last());
  ASSIGN_OR_RETURN(const ErasureSequence seen, store.NewestErasureSeen());
  if (seen <= known) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "KEYRING_OUTDATED",
               absl::StrCat("the keyring lacks the erasures ", known + 1, " to ", seen,
                            ", which the main store knows of: it is an old copy, with the keys of those who were "
                            "forgotten since. Put the newest keyring back"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const Options& options, const Trainer* trainer,
                                                     const Clock* clock) {
  std::unique_ptr<Engine> engine(new Engine(options, trainer));
  Engine& e = *engine;
  RETURN_IF_ERROR(CheckSearchable(options.data_dir));
  ASSIGN_OR_RETURN(e.store_, OpenRocksStore({.path = options.data_dir + "/store",
                                             .env = options.env,
                                             .reserved_free_bytes = options.reserved_free_bytes}));
  // A new keyring beside old data would have another pepper: every subject would be unknown, and every Forget in vain.
  ASSIGN_OR_RETURN(const auto models, e.store_->ListModels());
  const std::string default_key_file = options.data_dir + "/master.key";
  ASSIGN_OR_RETURN(
      e.keyring_,
      Keyring::Open({.path = options.data_dir + "/keyring",
                     .master_key_file = options.master_key_file.empty() ? default_key_file : options.master_key_file,
                     .env = options.env,
                     .create = models.empty(),
                     .pepper = options.pepper}));
  if (e.keyring_->is_new()) {
    Log(LogLevel::kWarning, "master_key_made",
        {{"file", options.master_key_file.empty() ? default_key_file : options.master_key_file},
         {"advice",
          "whoever has it and the data directory can read everything: keep it elsewhere, and never lose it"}});
  }
  RETURN_IF_ERROR(CheckKeyringIsNewest(*e.store_, *e.keyring_));
  ASSIGN_OR_RETURN(e.catalog_, Catalog::Open(e.store_.get(), e.keyring_.get(), clock));
  e.rekeyer_ = std::make_unique<Rekeyer>(e.store_.get(), e.keyring_.get(), e.catalog_.get(), &e.subject_locks_);
  e.ingestor_ = std::make_unique<Ingestor>(e.store_.get(), e.keyring_.get(), e.rekeyer_.get(), &e.subject_locks_);
  ASSIGN_OR_RETURN(e.ledger_, ErasureLedger::Open(e.keyring_.get(), clock));
  e.trace_checker_ = std::make_unique<TraceChecker>(options.data_dir, e.keyring_.get(), e.catalog_.get());
  e.purger_ =
      std::make_unique<Purger>(e.keyring_.get(), e.rekeyer_.get(), e.trace_checker_.get(), e.ledger_.get(), clock);
  e.reclaimer_ = std::make_unique<Reclaimer>(options.reclaim, e.store_.get(), e.keyring_.get(), e.trace_checker_.get(),
                                             e.ledger_.get(), clock);
  e.reconciler_ = std::make_unique<Reconciler>(e.store_.get(), e.keyring_.get(), e.rekeyer_.get(), trainer,
                                               e.ledger_.get(), &e.subject_locks_, clock);
  e.pool_ =
      std::make_unique<RetrainPool>(options.retrain, e.catalog_.get(), e.reconciler_.get(), e.ledger_.get(), clock);
  e.unlearner_ = std::make_unique<Unlearner>(Unlearner::Parts{.store = e.store_.get(),
                                                              .keyring = e.keyring_.get(),
                                                              .catalog = e.catalog_.get(),
                                                              .rekeyer = e.rekeyer_.get(),
                                                              .ledger = e.ledger_.get(),
                                                              .reconciler = e.reconciler_.get(),
                                                              .pool = e.pool_.get(),
                                                              .purger = e.purger_.get(),
                                                              .subject_locks = &e.subject_locks_,
                                                              .clock = clock});
  e.auditor_ = std::make_unique<Auditor>(e.keyring_.get(), e.catalog_.get(), e.ledger_.get(), e.pool_.get(),
                                         e.purger_.get(), clock);
  return engine;
}

absl::Status Engine::Recover() {
  RETURN_IF_ERROR(unlearner_->Recover(options_.recovery_threads));
  reclaimer_->Start();
  return absl::OkStatus();
}

}  // namespace expunge
