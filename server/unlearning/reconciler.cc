#include "unlearning/reconciler.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "catalog/ingestor.h"
#include "sisa/schedule.h"
#include "unlearning/checkpoint_codec.h"

namespace expunge {

// What one call of Reconcile works with. Everything in it belongs to one generation of the membership.
struct Reconciler::Pass {
  ModelEntry& model;
  Shard& shard;
  const ShardId id;
  uint64_t generation = 0;
  ShardMembership membership;
  std::vector<ErasureSequence> pending;  // erasures that this pass will have served
  uint32_t valid_slices = 0;             // leading slices that need no training
  TrainingState state;                   // after them
  double worker_seconds = 0;

  uint32_t slices() const { return model.spec().sisa.slices; }
  bool empty() const { return membership.samples_through.back() == 0; }

  // What this pass read of slices 0 .. `slice` changed since, or is changing.
  bool Moved(uint32_t slice) const {
    MutexLock lock(&shard.mutex);
    return !shard.Holds(generation, slice);
  }
  // Nothing but training is left to be done, as far as a look at the membership would tell.
  bool KnownToNeedTraining() const {
    MutexLock lock(&shard.mutex);
    return shard.looked_at && shard.samples_left > 0 && shard.status.phase == ShardStatus::Phase::kWaiting &&
           shard.KnownValidSlices() < slices();
  }
  // Nothing has changed since this pass began to read.
  void RememberLook() {
    MutexLock lock(&shard.mutex);
    if (shard.generation != generation || !shard.erasing.empty()) return;
    shard.looked_at = true;
    shard.samples_left = static_cast<int64_t>(membership.samples_through.back());
  }
  // Anything did, also what waits for the next TrainModel.
  bool Moved() const {
    MutexLock lock(&shard.mutex);
    return shard.generation != generation || !shard.erasing.empty();
  }

  // False: the membership moved, and with it the phase.
  bool SetPhase(ShardStatus::Phase phase) {
    {
      MutexLock lock(&shard.mutex);
      if (shard.generation != generation) return false;
      shard.status.phase = phase;
      // Until training succeeds it is why erasures are still open, also while the next attempt waits for its time.
      if (phase == ShardStatus::Phase::kTrained || phase == ShardStatus::Phase::kUntrained) {
        shard.status.problem.clear();
        shard.status.former_environment.clear();
      }
    }
    model.changes().Notify();
    return true;
  }

  // At start-up what is stored is counted; afterwards ingest and Forget keep the counts.
  void CountOnce() {
    MutexLock lock(&shard.mutex);
    if (shard.counted) return;
    shard.counted = true;
    shard.status.subjects = membership.subjects;
    for (uint32_t r = 0; r < slices(); ++r) shard.status.slices[r].samples = membership.stored_samples[r];
  }

  void SetCheckpoint(uint32_t slice, const records::Checkpoint* checkpoint) {
    MutexLock lock(&shard.mutex);
    if (!shard.Holds(generation, slice)) return;
    ShardStatus::Slice& status = shard.status.slices[slice];
    shard.valid_as_of[slice] = checkpoint != nullptr ? generation : 0;
    status.checkpoint = checkpoint != nullptr;
    status.lineage = checkpoint ? DigestFromBytes(checkpoint->lineage()).value_or(Digest{}) : Digest{};
    status.parameters_digest =
        checkpoint ? DigestFromBytes(checkpoint->parameters_digest()).value_or(Digest{}) : Digest{};
    status.worker_seconds = checkpoint ? checkpoint->worker_seconds() : 0;
  }

  std::vector<records::Erasure::CheckpointDigest> Checkpoints() const {
    MutexLock lock(&shard.mutex);
    std::vector<records::Erasure::CheckpointDigest> checkpoints;
    for (uint32_t slice = 0; slice < slices(); ++slice) {
      if (shard.status.slices[slice].checkpoint) checkpoints.push_back(ToRecord(slice, shard.status.slices[slice]));
    }
    return checkpoints;
  }

  // False: the membership of these slices moved, training on is in vain.
  bool Progress(uint32_t slice, double progress) {
    constexpr double kStep = 0.05;  // finer steps are not worth waking watchers for
    {
      MutexLock lock(&shard.mutex);
      if (!shard.Holds(generation, slice)) return false;
      ShardStatus& status = shard.status;
      if (status.training_slice == slice && progress > 0 && progress < status.slice_progress + kStep) return true;
      status.training_slice = slice;
      status.slice_progress = progress;
    }
    model.changes().Notify();
    return true;
  }
};

Reconciler::Reconciler(Store* store, Keyring* keyring, Rekeyer* rekeyer, const Trainer* trainer, ErasureLedger* ledger,
                       TrainingLog* training_log, StripedLocks* subject_locks, const Clock* clock)
    : store_(store),
      keyring_(keyring),
      rekeyer_(rekeyer),
      trainer_(trainer),
      ledger_(ledger),
      training_log_(training_log),
      subject_locks_(subject_locks),
      clock_(clock),
      numeric_environment_(trainer->NumericEnvironment()) {}

absl::StatusOr<Reconciler::Outcome> Reconciler::Reconcile(ModelEntry& model, uint32_t shard, bool train,
                                                          const std::function<bool()>& stop) {
  Pass pass = {model, model.shard(shard), {model.uid(), shard}};
  // What fails to be read is looked at with all the others.
  if (!train && pass.KnownToNeedTraining() && PublishKnownPrefix(model, shard).ok()) return Outcome::kNeedsTraining;
  for (bool rekeyed = true; rekeyed;) {
    {
      MutexLock lock(&pass.shard.mutex);
      pass.generation = pass.shard.generation;  // before anything else is read: see Shard::generation
    }
    // What a subject keeps must not be taken for what was forgotten.
    ASSIGN_OR_RETURN(rekeyed, rekeyer_->FinishIn(pass.id));
  }
  // A deletion is recorded before it bumps the generations: whoever does not see it here cannot commit after it.
  if (model.deleting()) return Outcome::kStopped;
  auto outcome = Run(pass, train, stop);
  // A key that a Forget destroyed between two reads looks like damage; the next pass sees what is true.
  if (!outcome.ok() && pass.Moved()) return Outcome::kMoved;
  return outcome;
}

absl::StatusOr<Reconciler::Outcome> Reconciler::Run(Pass& pass, bool train, const std::function<bool()>& stop) {
  ModelEntry& model = pass.model;
  const uint32_t shard = pass.id.shard;
  const uint64_t trained_through = model.trained_through();
  // Before the membership: whatever erasure is on record, its keys are dead.
  ASSIGN_OR_RETURN(pass.pending, keyring_->erasures().PendingIn(pass.id));
  std::unique_ptr<StoreView> view = store_->View();
  ASSIGN_OR_RETURN(pass.membership,
                   ReadMembership(model, shard, trained_through, *view, *keyring_, numeric_environment_));
  pass.CountOnce();

  RETURN_IF_ERROR(RemoveDeadSubjects(pass));
  RETURN_IF_ERROR(DestroyInvalidCheckpoints(pass));
  RETURN_IF_ERROR(FindValidPrefix(pass));
  pass.RememberLook();
  if (pass.empty() || pass.valid_slices == pass.slices()) return Finish(pass);
  ASSIGN_OR_RETURN(const bool published, PublishPrefix(pass));
  if (!published) return Outcome::kMoved;
  if (!train) {
    return pass.SetPhase(ShardStatus::Phase::kWaiting) ? Outcome::kNeedsTraining : Outcome::kMoved;
  }

  if (!pass.SetPhase(ShardStatus::Phase::kTraining)) return Outcome::kMoved;
  const double begin = ThreadCpuSeconds();
  ASSIGN_OR_RETURN(const ShardSamples samples, LoadSamples(model, shard, trained_through, *view, *keyring_));
  pass.worker_seconds = ThreadCpuSeconds() - begin;
  view.reset();  // training takes long, and a view that lives keeps erased values alive
  while (pass.valid_slices < pass.slices()) {
    ASSIGN_OR_RETURN(const Outcome outcome, TrainNextSlice(pass, samples, stop));
    if (outcome != Outcome::kNeedsTraining) return outcome;
  }
  return Finish(pass);
}

absl::Status Reconciler::RemoveDeadSubjects(const Pass& pass) {
  for (const Pseudonym& subject : pass.membership.dead_subjects) {
    const StripedLocks::Held held = subject_locks_->Lock({SubjectStripe(subject)});
    // Meanwhile the subject may have come back, or the one who re-keys it may be at work.
    ASSIGN_OR_RETURN(const auto row, store_->GetSubject(pass.id, subject));
    ASSIGN_OR_RETURN(const auto key_id, keyring_->GetSubjectKeyId(pass.id.model, subject));
    ASSIGN_OR_RETURN(const auto rekey, keyring_->GetRekey(pass.id.model, subject));
    if (!row || rekey || (key_id && row->key_id() == AsBytes(*key_id))) continue;
    SubjectUpdate update;
    update.shard = pass.id.shard;
    update.subject = subject;
    for (const auto& sample : row->samples()) update.removed.push_back(SampleKeyFromBytes(sample.key()));
    RETURN_IF_ERROR(store_->UpdateSubjects(pass.id.model, {&update, 1}));
  }
  return absl::OkStatus();
}

absl::Status Reconciler::DestroyInvalidCheckpoints(Pass& pass) {
  for (uint32_t slice = 0; slice < pass.slices(); ++slice) {
    ASSIGN_OR_RETURN(const auto checkpoint, store_->GetCheckpoint(pass.id, slice));
    const bool valid = checkpoint && checkpoint->lineage() == AsBytes(pass.membership.lineages[slice]);
    pass.SetCheckpoint(slice, valid ? &*checkpoint : nullptr);
    if (!checkpoint || valid) continue;
    if (checkpoint->numeric_environment() != numeric_environment_) {
      MutexLock lock(&pass.shard.mutex);
      pass.shard.status.former_environment = checkpoint->numeric_environment();
    }
    // A lineage covers the slices before it: what follows an invalid checkpoint is invalid too.
    for (uint32_t later = slice + 1; later < pass.slices(); ++later) pass.SetCheckpoint(later, nullptr);
    RETURN_IF_ERROR(keyring_->DestroyCheckpointKeys({pass.id, slice}));
    return store_->DeleteCheckpoints(pass.id, slice);
  }
  return absl::OkStatus();
}

absl::Status Reconciler::FindValidPrefix(Pass& pass) {
  for (uint32_t slices = pass.slices(); slices > 0; --slices) {
    ASSIGN_OR_RETURN(const auto checkpoint, store_->GetCheckpoint(pass.id, slices - 1));
    if (!checkpoint || checkpoint->lineage() != AsBytes(pass.membership.lineages[slices - 1])) continue;
    auto state = ReadCheckpoint(*store_, *keyring_, pass.model.spec(), pass.id, slices - 1, *checkpoint);
    if (state.ok()) {
      pass.valid_slices = slices;
      pass.state = *std::move(state);
      return absl::OkStatus();
    }
    if (!absl::IsNotFound(state.status()) && !absl::IsDataLoss(state.status())) return state.status();
    // What cannot be read is not a checkpoint; the slice is trained again.
    if (absl::IsDataLoss(state.status())) {
      Log(LogLevel::kError, "checkpoint_unreadable",
          {{"model", pass.model.uid()},
           {"shard", pass.id.shard},
           {"slice", slices - 1},
           {"error", state.status().ToString()}});
    }
    pass.SetCheckpoint(slices - 1, nullptr);
  }
  pass.valid_slices = 0;
  ASSIGN_OR_RETURN(pass.state,
                   trainer_->Initialize(pass.model.spec(), InitializationSeed(pass.model.spec(), pass.id.shard)));
  return absl::OkStatus();
}

absl::StatusOr<bool> Reconciler::PublishPrefix(Pass& pass) {
  if (pass.valid_slices == 0 || pass.membership.samples_through[pass.valid_slices - 1] == 0) return true;
  const Lineage& lineage = pass.membership.lineages[pass.valid_slices - 1];
  const std::shared_ptr<const Snapshot> snapshot = pass.model.ensemble().Current();
  for (const Constituent& constituent : snapshot->constituents) {
    if (constituent.shard != pass.id.shard) continue;
    // One that votes already is clean, or it would have been withdrawn; only a complete one is better.
    if (constituent.lineage == lineage || pass.valid_slices < pass.slices()) return true;
  }
  Constituent constituent = {pass.id.shard, pass.valid_slices, pass.generation, lineage, ParametersDigest(pass.state)};
  ASSIGN_OR_RETURN(constituent.network, trainer_->BuildNetwork(pass.model.spec(), pass.state.parameters));
  CrashPoint("publish_built");
  // An erasure that begins after this look raises the ensemble's barrier itself.
  if (pass.Moved(pass.valid_slices - 1)) return false;
  if (!pass.model.ensemble().Publish(std::move(constituent))) return false;
  CrashPoint("publish_swapped");
  pass.model.changes().Notify();
  return true;
}

absl::Status Reconciler::PublishKnownPrefix(ModelEntry& model, uint32_t shard_index) {
  Shard& shard = model.shard(shard_index);
  const ShardId id = {model.uid(), shard_index};
  uint64_t generation = 0;
  uint32_t slices = 0;
  {
    MutexLock lock(&shard.mutex);
    generation = shard.generation;
    slices = shard.KnownValidSlices();
  }
  const auto holds = [&] {
    MutexLock lock(&shard.mutex);
    return shard.KnownValidSlices() == slices && shard.Holds(generation, slices - 1);
  };
  if (slices == 0 || model.ensemble().Votes(shard_index)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto checkpoint, store_->GetCheckpoint(id, slices - 1));
  if (!checkpoint || checkpoint->samples() == 0) return absl::OkStatus();
  const auto state = ReadCheckpoint(*store_, *keyring_, model.spec(), id, slices - 1, *checkpoint);
  // A newer erasure destroys the key between two reads, or a retrain writes the checkpoint anew.
  if (!state.ok()) return holds() && !absl::IsNotFound(state.status()) ? state.status() : absl::OkStatus();
  ASSIGN_OR_RETURN(const Digest lineage, DigestFromBytes(checkpoint->lineage()));
  Constituent constituent = {shard_index, slices, generation, lineage, ParametersDigest(*state)};
  ASSIGN_OR_RETURN(constituent.network, trainer_->BuildNetwork(model.spec(), state->parameters));
  // What was read is what was known to be valid, if that still is so. An erasure that begins after this look raises the
  // ensemble's barrier itself.
  if (!holds()) return absl::OkStatus();
  if (model.ensemble().PublishWhereNoneVotes(std::move(constituent))) model.changes().Notify();
  return absl::OkStatus();
}

absl::StatusOr<Reconciler::Outcome> Reconciler::TrainNextSlice(Pass& pass, const ShardSamples& samples,
                                                               const std::function<bool()>& stop) {
  const uint32_t slice = pass.valid_slices;
  bool stopped = false;
  const absl::StatusOr<double> seconds = TrainSlice(
      *trainer_, pass.model.spec(), pass.id.shard, slice, samples,
      [&](double progress) {
        stopped = stop();
        return !stopped && pass.Progress(slice, progress);
      },
      &pass.state);
  if (absl::IsCancelled(seconds.status())) return stopped ? Outcome::kStopped : Outcome::kMoved;
  RETURN_IF_ERROR(seconds.status());
  ASSIGN_OR_RETURN(const bool committed, Commit(pass, slice, *seconds));
  if (!committed) return Outcome::kMoved;
  pass.worker_seconds += *seconds;
  pass.valid_slices = slice + 1;
  return Outcome::kNeedsTraining;
}

absl::StatusOr<bool> Reconciler::Commit(Pass& pass, uint32_t slice, double worker_seconds) {
  const Lineage& lineage = pass.membership.lineages[slice];
  const CheckpointKeyId key_id = RandomCheckpointKeyId();
  const DataKey key = DataKey::Random();
  records::Checkpoint checkpoint;
  checkpoint.set_lineage(std::string(AsBytes(lineage)));
  checkpoint.set_key_id(std::string(AsBytes(key_id)));
  checkpoint.set_parameters_digest(std::string(AsBytes(ParametersDigest(pass.state))));
  checkpoint.set_steps(pass.state.steps);
  checkpoint.set_create_time_micros(absl::ToUnixMicros(clock_->Now()));
  checkpoint.set_worker_seconds(worker_seconds);
  checkpoint.set_samples(pass.membership.samples_through[slice]);
  checkpoint.set_numeric_environment(numeric_environment_);
  // Without its key it is no checkpoint yet.
  RETURN_IF_ERROR(
      store_->PutCheckpoint(pass.id, slice, checkpoint, SealCheckpoint(key, pass.id, slice, checkpoint, pass.state)));
  CrashPoint("commit_written");
  bool committed = false;
  {
    // Held over a small write that is not synced: an erasure begins either before, and this commit is refused, or
    // after, and destroys the key that was just made.
    MutexLock lock(&pass.shard.mutex);
    if (pass.shard.Holds(pass.generation, slice)) {
      RETURN_IF_ERROR(keyring_->CreateCheckpointKey(pass.id, slice, key_id, key));
      committed = true;
    }
  }
  if (!committed) {
    RETURN_IF_ERROR(store_->DeleteCheckpoints(pass.id, slice));
    return false;
  }
  CrashPoint("commit_key_created");
  pass.SetCheckpoint(slice, &checkpoint);
  pass.model.changes().Notify();
  return true;
}

absl::StatusOr<Reconciler::Outcome> Reconciler::Finish(Pass& pass) {
  pass.model.ensemble().SetEmpty(pass.id.shard, pass.empty(), pass.generation);
  if (!pass.empty()) {
    ASSIGN_OR_RETURN(const bool published, PublishPrefix(pass));
    if (!published) return Outcome::kMoved;
  }
  if (!pass.pending.empty()) {
    RETURN_IF_ERROR(ledger_->MarkRetrained(
        pass.id, pass.pending, {pass.worker_seconds, clock_->Now(), pass.Checkpoints(), numeric_environment_},
        [&] { return !pass.Moved(pass.slices() - 1); }));
    CrashPoint("retrained_marked");
  }
  if (!pass.model.trained())
    return pass.SetPhase(ShardStatus::Phase::kUntrained) ? Outcome::kUpToDate : Outcome::kMoved;
  ASSIGN_OR_RETURN(const bool set, training_log_->Finish(
                                       pass.model, pass.id.shard, [&pass] { return !pass.Moved(); },
                                       [&pass] { return pass.SetPhase(ShardStatus::Phase::kTrained); }));
  return set ? Outcome::kUpToDate : Outcome::kMoved;
}

}  // namespace expunge
