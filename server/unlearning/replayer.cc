#include "unlearning/replayer.h"

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/status_macros.h"
#include "sisa/schedule.h"
#include "unlearning/checkpoint_codec.h"
#include "unlearning/shard_training.h"

namespace expunge {
namespace {

uint64_t GenerationOf(Shard& shard) {
  MutexLock lock(&shard.mutex);
  return shard.generation;
}

// Whoever puts a row, its samples and its key back has the server train on them, and the bits match.
absl::Status CheckNobodyRevived(ModelUid model, uint32_t shard, StoreView& view, const Keyring& keyring) {
  return view.ScanSubjects({model, shard}, [&](const Pseudonym& subject, const records::Subject&) -> absl::Status {
    ASSIGN_OR_RETURN(const bool revived, keyring.IsRevived(model, subject));
    if (!revived) return absl::OkStatus();
    return Error(absl::StatusCode::kDataLoss, "FORGOTTEN_SUBJECT_REVIVED",
                 "the shard holds a subject that was forgotten: somebody put its key back; run expunge admin check");
  });
}

// What the shard's checkpoints, or those that it had until Reconcile destroyed them, were trained in when that is not
// `environment`; otherwise empty.
absl::StatusOr<std::string> OtherEnvironment(ModelEntry& model, uint32_t index, Store& store,
                                             const std::string& environment) {
  for (uint32_t slice = 0; slice < model.spec().sisa.slices; ++slice) {
    ASSIGN_OR_RETURN(const auto checkpoint, store.GetCheckpoint({model.uid(), index}, slice));
    if (checkpoint && checkpoint->numeric_environment() != environment) return checkpoint->numeric_environment();
  }
  return model.Status(index).former_environment;
}

absl::StatusOr<ReplayVerdict> Replay(ModelEntry& model, uint32_t index, Store& store, const Keyring& keyring,
                                     const Trainer& trainer,
                                     const std::function<bool(const ReplayProgress&)>& progress) {
  const ModelSpec& spec = model.spec();
  const uint64_t trained_through = model.trained_through();
  const std::string environment = trainer.NumericEnvironment();
  std::unique_ptr<StoreView> view = store.View();
  ASSIGN_OR_RETURN(const ShardMembership membership,
                   ReadMembership(model, index, trained_through, *view, keyring, environment));
  RETURN_IF_ERROR(CheckNobodyRevived(model.uid(), index, *view, keyring));
  if (membership.samples_through.back() == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "SHARD_NOT_TRAINED", "the shard has no sample to train on");
  }
  ReplayVerdict verdict;
  ASSIGN_OR_RETURN(verdict.trained_environment, OtherEnvironment(model, index, store, environment));
  if (!verdict.trained_environment.empty()) {
    verdict.kind = ReplayVerdict::Kind::kEnvironmentDiffers;
    verdict.server_environment = environment;
    return verdict;
  }
  const double begin = ThreadCpuSeconds();
  ASSIGN_OR_RETURN(const ShardSamples samples, LoadSamples(model, index, trained_through, *view, keyring));
  view.reset();
  verdict.worker_seconds = ThreadCpuSeconds() - begin;

  verdict.lineage = membership.lineages.back();
  ASSIGN_OR_RETURN(TrainingState state, trainer.Initialize(spec, InitializationSeed(spec, index)));
  for (uint32_t slice = 0; slice < spec.sisa.slices; ++slice) {
    ASSIGN_OR_RETURN(const auto checkpoint, store.GetCheckpoint({model.uid(), index}, slice));
    if (!checkpoint || checkpoint->lineage() != AsBytes(membership.lineages[slice])) {
      return Error(absl::StatusCode::kFailedPrecondition, "SHARD_NOT_TRAINED",
                   "the shard is not up to date: wait until it is trained");
    }
    ASSIGN_OR_RETURN(const double seconds, TrainSlice(
                                               trainer, spec, index, slice, samples,
                                               [&](double done) {
                                                 return progress({slice, done});
                                               },
                                               &state));
    verdict.worker_seconds += seconds;
    verdict.replayed = ParametersDigest(state);
    ASSIGN_OR_RETURN(verdict.served, DigestFromBytes(checkpoint->parameters_digest()));
    if (verdict.kind == ReplayVerdict::Kind::kMatch && verdict.replayed != verdict.served) {
      verdict.kind = ReplayVerdict::Kind::kMismatch;
      verdict.first_mismatch = slice;
    }
  }
  return verdict;
}

}  // namespace

absl::StatusOr<ReplayVerdict> ReplayShard(ModelEntry& model, uint32_t index, Store& store, const Keyring& keyring,
                                          const Trainer& trainer,
                                          const std::function<bool(const ReplayProgress&)>& progress) {
  Shard& shard = model.shard(index);
  const uint64_t generation = GenerationOf(shard);
  const auto moved = [&] { return GenerationOf(shard) != generation; };
  auto verdict =
      Replay(model, index, store, keyring, trainer, [&](const ReplayProgress& p) { return !moved() && progress(p); });
  if (moved()) {
    return Error(absl::StatusCode::kAborted, "MEMBERSHIP_MOVED",
                 "the shard's samples changed during the replay: start it again");
  }
  return verdict;
}

}  // namespace expunge
