#include "engine/engine.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "proof/log_event.h"
#include "storage/keyring_match.h"
#include "storage/rocks_store.h"
#include "storage/store_swap.h"
#include "storage/trace_search.h"

namespace expunge {

namespace {

absl::Status StoreMissing(const std::string& path) {
  return Error(absl::StatusCode::kFailedPrecondition, "STORE_MISSING",
               absl::StrCat("the main store ", path,
                            " is missing, and the keyring beside it was in use: put the store back, or a backup of it "
                            "with expunge admin restore"));
}

}  // namespace

// The mark goes into a new store before the keyring is first used: a used keyring and a store without a mark are not
// what an interrupted first start leaves.
absl::Status Engine::OpenStorage() {
  const std::string store_path = options_.data_dir + "/store";
  const std::string key_file =
      options_.master_key_file.empty() ? options_.data_dir + "/master.key" : options_.master_key_file;
  Keyring::Options keyring = {.path = options_.data_dir + "/keyring",
                              .master_key_file = key_file,
                              .env = options_.env,
                              .create = false,
                              .pepper = options_.pepper,
                              .log_origin = options_.log_origin};
  if (!DatabaseExists(store_path, options_.env) && DatabaseExists(keyring.path, options_.env)) {
    ASSIGN_OR_RETURN(keyring_, Keyring::Open(keyring));
    ASSIGN_OR_RETURN(const records::KeyringMark mark, keyring_->Mark());
    if (mark.generation() > 0) return StoreMissing(store_path);
  }
  ASSIGN_OR_RETURN(
      store_,
      OpenRocksStore({.path = store_path, .env = options_.env, .reserved_free_bytes = options_.reserved_free_bytes}));
  const bool store_is_new = !store_->GetKeyringMark().has_value();
  if (keyring_ == nullptr) {
    // A new keyring beside a store that was in use would have another pepper, and no suppressions: every subject would
    // be unknown, every Forget in vain, and who was forgotten could come back.
    ASSIGN_OR_RETURN(const auto models, store_->ListModels());
    keyring.create = store_is_new && models.empty();
    ASSIGN_OR_RETURN(keyring_, Keyring::Open(keyring));
  }
  if (keyring_->is_new()) {
    Log(LogLevel::kWarning, "master_key_made",
        {{"file", key_file},
         {"advice",
          "whoever has it and the data directory can read everything: keep it elsewhere, and never lose it"}});
  }
  ASSIGN_OR_RETURN(records::KeyringMark mark, keyring_->Mark());
  if (store_is_new && mark.generation() == 0) RETURN_IF_ERROR(store_->RaiseKeyringMark(mark));
  RETURN_IF_ERROR(CheckKeyringMatches(*store_, *keyring_));
  RETURN_IF_ERROR(StoreSwap(options_.data_dir).Clear());
  RETURN_IF_ERROR(keyring_->BeginGeneration());
  ASSIGN_OR_RETURN(mark, keyring_->Mark());
  return store_->RaiseKeyringMark(mark);
}

absl::Status Engine::OpenLog(const Clock* clock) {
  LogSigner::Options log = options_.log;
  if (log.key_file.empty()) log.key_file = options_.data_dir + "/log.key";
  if (log.checkpoint_file.empty()) log.checkpoint_file = options_.data_dir + "/log.checkpoint";
  ASSIGN_OR_RETURN(log_signer_, LogSigner::Open(log, keyring_.get(), clock));
  return TellOfRestore();
}

absl::Status Engine::TellOfRestore() {
  ASSIGN_OR_RETURN(const std::optional<absl::Time> restored, store_->GetRestoreTime());
  if (!restored) return absl::OkStatus();
  const uint64_t time = static_cast<uint64_t>(absl::ToUnixMicros(*restored));
  ASSIGN_OR_RETURN(const uint64_t told, keyring_->GetLogMark(kEveryModel));
  if (told >= time) return absl::OkStatus();
  return keyring_->AppendToLog(
      [&restored](LogBatch& log) {
        log.Append(FormatLogEvent(RestoredFromBackup{*restored}), *restored);
        return absl::OkStatus();
      },
      Keyring::LogMark{kEveryModel, time});
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const Options& options, const Trainer* trainer,
                                                     const Clock* clock) {
  std::unique_ptr<Engine> engine(new Engine(options, trainer));
  Engine& e = *engine;
  RETURN_IF_ERROR(CheckSearchable(options.data_dir));
  RETURN_IF_ERROR(e.OpenStorage());
  RETURN_IF_ERROR(e.OpenLog(clock));
  ASSIGN_OR_RETURN(e.catalog_, Catalog::Open(e.store_.get(), e.keyring_.get(), clock));
  e.rekeyer_ = std::make_unique<Rekeyer>(e.store_.get(), e.keyring_.get(), e.catalog_.get(), &e.subject_locks_);
  e.ingestor_ = std::make_unique<Ingestor>(e.store_.get(), e.keyring_.get(), e.rekeyer_.get(), &e.subject_locks_);
  ASSIGN_OR_RETURN(e.ledger_, ErasureLedger::Open(e.keyring_.get(), clock));
  e.training_log_ = std::make_unique<TrainingLog>(e.keyring_.get(), clock);
  e.trace_checker_ = std::make_unique<TraceChecker>(options.data_dir, e.keyring_.get(), e.catalog_.get());
  e.purger_ =
      std::make_unique<Purger>(e.keyring_.get(), e.rekeyer_.get(), e.trace_checker_.get(), e.ledger_.get(), clock);
  e.reclaimer_ = std::make_unique<Reclaimer>(options.reclaim, e.store_.get(), e.keyring_.get(), e.catalog_.get(),
                                             e.trace_checker_.get(), e.ledger_.get(), clock);
  e.reconciler_ = std::make_unique<Reconciler>(e.store_.get(), e.keyring_.get(), e.rekeyer_.get(), trainer,
                                               e.ledger_.get(), e.training_log_.get(), &e.subject_locks_, clock);
  e.pool_ =
      std::make_unique<RetrainPool>(options.retrain, e.catalog_.get(), e.reconciler_.get(), e.ledger_.get(), clock);
  e.publisher_ = std::make_unique<PrefixPublisher>(e.catalog_.get(), e.reconciler_.get());
  e.unlearner_ = std::make_unique<Unlearner>(Unlearner::Parts{.store = e.store_.get(),
                                                              .keyring = e.keyring_.get(),
                                                              .catalog = e.catalog_.get(),
                                                              .rekeyer = e.rekeyer_.get(),
                                                              .ledger = e.ledger_.get(),
                                                              .reconciler = e.reconciler_.get(),
                                                              .pool = e.pool_.get(),
                                                              .publisher = e.publisher_.get(),
                                                              .purger = e.purger_.get(),
                                                              .subject_locks = &e.subject_locks_,
                                                              .clock = clock});
  e.auditor_ = std::make_unique<Auditor>(e.keyring_.get(), e.catalog_.get(), e.ledger_.get(), e.purger_.get(), clock);
  e.certificates_ = std::make_unique<Certificates>(e.keyring_.get(), e.log_signer_.get());
  return engine;
}

absl::Status Engine::Recover() {
  RETURN_IF_ERROR(unlearner_->Recover(options_.recovery_threads));
  reclaimer_->Start();
  log_signer_->Start();
  return absl::OkStatus();
}

}  // namespace expunge
