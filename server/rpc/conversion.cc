#include "rpc/conversion.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "rpc/names.h"
#include "rpc/spec_conversion.h"
#include "rpc/validation.h"

namespace expunge {
namespace {

absl::Time TimeFromWire(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// 0 micros: not set.
void SetTime(int64_t micros, google::protobuf::Timestamp* (*mutable_field)(v1::Erasure*), v1::Erasure* erasure) {
  if (micros != 0) *mutable_field(erasure) = TimeToWire(absl::FromUnixMicros(micros));
}

absl::StatusOr<Regulation> RegulationFromWire(v1::Regulation regulation, std::string_view field) {
  switch (regulation) {
    case v1::GDPR:
      return Regulation::kGdpr;
    case v1::CCPA:
      return Regulation::kCcpa;
    case v1::OTHER:
    case v1::REGULATION_UNSPECIFIED:
      return Regulation::kOther;
    default:
      return InvalidField(field, absl::StrCat("must be GDPR, CCPA or OTHER, is number ", static_cast<int>(regulation)));
  }
}

ErasureLikelihood LikelihoodFromWire(v1::ErasureLikelihood likelihood) {
  switch (likelihood) {
    case v1::LOW:
      return ErasureLikelihood::kLow;
    case v1::HIGH:
      return ErasureLikelihood::kHigh;
    default:
      return ErasureLikelihood::kUnspecified;
  }
}

v1::Shard::State PhaseToWire(ShardStatus::Phase phase) {
  switch (phase) {
    case ShardStatus::Phase::kUntrained:
      return v1::Shard::UNTRAINED;
    case ShardStatus::Phase::kWaiting:
      return v1::Shard::WAITING;
    case ShardStatus::Phase::kTraining:
      return v1::Shard::TRAINING;
    case ShardStatus::Phase::kFailed:
      return v1::Shard::TRAINING_FAILED;
    case ShardStatus::Phase::kTrained:
      return v1::Shard::TRAINED;
  }
  return v1::Shard::STATE_UNSPECIFIED;
}

uint32_t SlicesTrained(const ShardStatus& status) {
  // A slice that is empty together with all before it is trained without a checkpoint.
  if (status.phase == ShardStatus::Phase::kTrained) return static_cast<uint32_t>(status.slices.size());
  const auto first_without = std::find_if_not(status.slices.begin(), status.slices.end(),
                                              [](const ShardStatus::Slice& slice) { return slice.checkpoint; });
  return static_cast<uint32_t>(first_without - status.slices.begin());
}

v1::Shard ShardToWire(const ShardStatus& status, uint32_t index, bool voting, bool with_slices) {
  v1::Shard shard;
  shard.set_shard(index);
  shard.set_state(PhaseToWire(status.phase));
  shard.set_subjects(static_cast<int64_t>(status.subjects));
  shard.set_slices_trained(SlicesTrained(status));
  shard.set_slices_total(static_cast<uint32_t>(status.slices.size()));
  shard.set_voting(voting);
  if (status.phase == ShardStatus::Phase::kTraining) {
    shard.set_training_slice(status.training_slice);
    shard.set_slice_progress(status.slice_progress);
  }
  shard.set_problem(status.problem);
  int64_t samples = 0;
  for (const ShardStatus::Slice& slice : status.slices) {
    samples += static_cast<int64_t>(slice.samples);
    if (!with_slices) continue;
    v1::Shard::Slice* const wire = shard.add_slices();
    wire->set_samples(static_cast<int64_t>(slice.samples));
    if (!slice.checkpoint) continue;
    wire->set_checkpoint(true);
    wire->set_lineage(std::string(AsBytes(slice.lineage)));
    wire->set_parameters_digest(std::string(AsBytes(slice.parameters_digest)));
    wire->set_worker_seconds(slice.worker_seconds);
  }
  shard.set_samples(samples);
  return shard;
}

double WorkerSeconds(const ShardStatus& status) {
  double seconds = 0;
  for (const ShardStatus::Slice& slice : status.slices) seconds += slice.checkpoint ? slice.worker_seconds : 0;
  return seconds;
}

v1::Model::State StateOf(const ModelEntry& model, bool working) {
  if (!model.trained()) return v1::Model::CREATED;
  return working ? v1::Model::TRAINING : v1::Model::READY;
}

v1::Model ModelToWire(ModelEntry& model, const std::vector<ShardStatus>& shards, ModelDetail detail) {
  v1::Model wire;
  wire.set_name(FormatModelName(model.name()));
  wire.set_number(model.uid());
  SpecToWire(model.spec(), &wire);
  *wire.mutable_create_time() = TimeToWire(model.create_time());
  {
    MutexLock lock(&model.record_mutex);
    wire.set_has_untrained_samples(model.record.ingest_batch() > model.record.trained_through_batch());
    if (const int64_t micros = model.record.train_time_micros(); micros != 0) {
      *wire.mutable_train_time() = TimeToWire(absl::FromUnixMicros(micros));
    }
  }
  const std::shared_ptr<const Snapshot> snapshot = model.ensemble().Current();
  wire.set_ensemble_version(snapshot->version);
  wire.set_constituents_voting(static_cast<uint32_t>(snapshot->constituents.size()));
  std::set<uint32_t> voting;
  for (const Constituent& constituent : snapshot->constituents) voting.insert(constituent.shard);

  bool working = false;
  int64_t samples = 0, subjects = 0;
  double worker_seconds = 0;
  for (uint32_t i = 0; i < shards.size(); ++i) {
    v1::Shard shard = ShardToWire(shards[i], i, voting.contains(i), detail == ModelDetail::kSlices);
    working |= shard.state() == v1::Shard::WAITING || shard.state() == v1::Shard::TRAINING;
    samples += shard.samples();
    subjects += shard.subjects();
    worker_seconds += WorkerSeconds(shards[i]);
    if (detail != ModelDetail::kSummary) *wire.add_shards() = std::move(shard);
  }
  wire.set_state(StateOf(model, working));
  wire.set_samples(samples);
  wire.set_subjects(subjects);
  wire.set_worker_seconds(worker_seconds);
  return wire;
}

void TaskToWire(const records::Erasure::ShardTask& task, const Catalog& catalog, v1::Erasure::Task* wire) {
  wire->set_model(FormatModelName(task.model_name()));
  wire->set_shard(task.shard());
  wire->set_first_slice(task.first_slice());
  wire->set_samples_erased(task.samples_erased());
  wire->set_retrained(task.retrained());
  wire->set_worker_seconds(task.worker_seconds());
  const std::shared_ptr<ModelEntry> model = catalog.FindByUid(task.model());
  if (model == nullptr) return;  // deleted
  const uint32_t slices = model->spec().sisa.slices;
  wire->set_slices_total(slices);
  if (task.retrained()) {
    wire->set_slices_trained(slices);
    return;
  }
  const ShardStatus status = model->Status(task.shard());
  wire->set_slices_trained(SlicesTrained(status));
  wire->set_problem(status.problem);
}

}  // namespace

absl::StatusOr<ForgetRequest> ForgetFromWire(const v1::ForgetRequest& wire) {
  ForgetRequest request;
  ASSIGN_OR_RETURN(request.request_id, ParseUuid(wire.request_id(), "request_id"));
  RETURN_IF_ERROR(ValidateId(wire.subject_id(), "subject_id"));
  request.subject_id = wire.subject_id();
  if (wire.models_size() > kMaxModelsPerForget) {
    return InvalidField("models",
                        absl::StrCat("must have at most ", kMaxModelsPerForget, " entries, has ", wire.models_size()));
  }
  for (int i = 0; i < wire.models_size(); ++i) {
    ASSIGN_OR_RETURN(std::string id, ParseModelName(wire.models(i), absl::StrCat("models[", i, "]")));
    request.models.push_back(std::move(id));
  }
  if (wire.sample_ids_size() > kMaxSamplesPerForget) {
    return InvalidField("sample_ids", absl::StrCat("must have at most ", kMaxSamplesPerForget, " entries, has ",
                                                   wire.sample_ids_size()));
  }
  for (int i = 0; i < wire.sample_ids_size(); ++i) {
    RETURN_IF_ERROR(ValidateId(wire.sample_ids(i), absl::StrCat("sample_ids[", i, "]")));
    request.sample_ids.push_back(wire.sample_ids(i));
  }
  ASSIGN_OR_RETURN(request.regulation, RegulationFromWire(wire.regulation(), "regulation"));
  if (wire.has_submitted_time()) {
    RETURN_IF_ERROR(ValidateTimestamp(wire.submitted_time(), "submitted_time"));
    request.submitted_time = TimeFromWire(wire.submitted_time());
  }
  request.validate_only = wire.validate_only();
  return request;
}

absl::StatusOr<ErasureFilter> FilterFromWire(const v1::ErasureFilter& wire) {
  ErasureFilter filter;
  if (wire.state() != v1::Erasure::STATE_UNSPECIFIED) {
    if (!v1::Erasure::State_IsValid(wire.state())) {
      return InvalidField("filter.state",
                          absl::StrCat("must be a state of an erasure, is number ", static_cast<int>(wire.state())));
    }
    filter.state = static_cast<records::Erasure::State>(wire.state());
  }
  if (wire.regulation() != v1::REGULATION_UNSPECIFIED) {
    ASSIGN_OR_RETURN(filter.regulation, RegulationFromWire(wire.regulation(), "filter.regulation"));
  }
  if (!wire.model().empty()) {
    ASSIGN_OR_RETURN(filter.model, ParseModelName(wire.model(), "filter.model"));
  }
  if (!wire.subject_id().empty()) {
    RETURN_IF_ERROR(ValidateId(wire.subject_id(), "filter.subject_id"));
    filter.subject_id = wire.subject_id();
  }
  filter.overdue = wire.overdue();
  if (wire.has_received_from()) {
    RETURN_IF_ERROR(ValidateTimestamp(wire.received_from(), "filter.received_from"));
    filter.received_from = TimeFromWire(wire.received_from());
  }
  if (wire.has_received_until()) {
    RETURN_IF_ERROR(ValidateTimestamp(wire.received_until(), "filter.received_until"));
    filter.received_until = TimeFromWire(wire.received_until());
  }
  return filter;
}

std::vector<NewSample> SamplesFromWire(const v1::SampleBatch& batch, const ModelSpec& spec) {
  const size_t sample_bytes = spec.input.SampleBytes();
  std::string_view inputs = batch.inputs();
  std::vector<NewSample> samples;
  samples.reserve(batch.samples_size());
  for (const v1::SampleDescriptor& sample : batch.samples()) {
    samples.push_back({.subject_id = sample.subject_id(),
                       .sample_id = sample.sample_id(),
                       .label = sample.label(),
                       .likelihood = LikelihoodFromWire(sample.erasure_likelihood()),
                       .input = inputs.substr(0, sample_bytes)});
    inputs.remove_prefix(sample_bytes);
  }
  return samples;
}

v1::Model ModelToWire(ModelEntry& model, ModelDetail detail) {
  std::vector<ShardStatus> shards;
  for (uint32_t i = 0; i < model.spec().sisa.shards; ++i) shards.push_back(model.Status(i));
  return ModelToWire(model, shards, detail);
}

v1::Erasure ErasureToWire(const records::Erasure& erasure, const Catalog& catalog) {
  v1::Erasure wire;
  if (!erasure.uuid().empty()) wire.set_name(FormatErasureName(erasure.uuid()));
  wire.set_sequence(erasure.sequence());
  wire.set_state(static_cast<v1::Erasure::State>(erasure.state()));
  wire.set_regulation(static_cast<v1::Regulation>(erasure.regulation()));
  using E = v1::Erasure;
  SetTime(
      erasure.submitted_time_micros(), [](E* e) { return e->mutable_submitted_time(); }, &wire);
  SetTime(
      erasure.received_time_micros(), [](E* e) { return e->mutable_received_time(); }, &wire);
  SetTime(
      erasure.due_time_micros(), [](E* e) { return e->mutable_due_time(); }, &wire);
  SetTime(
      erasure.completed_time_micros(), [](E* e) { return e->mutable_complete_time(); }, &wire);
  SetTime(
      erasure.isolated_time_micros(), [](E* e) { return e->mutable_milestones()->mutable_isolated_time(); }, &wire);
  SetTime(
      erasure.shredded_time_micros(), [](E* e) { return e->mutable_milestones()->mutable_shredded_time(); }, &wire);
  SetTime(
      erasure.retrained_time_micros(), [](E* e) { return e->mutable_milestones()->mutable_retrained_time(); }, &wire);
  SetTime(
      erasure.purged_time_micros(), [](E* e) { return e->mutable_milestones()->mutable_purged_time(); }, &wire);
  SetTime(
      erasure.certified_time_micros(), [](E* e) { return e->mutable_milestones()->mutable_certified_time(); }, &wire);
  SetTime(
      erasure.reclaimed_time_micros(), [](E* e) { return e->mutable_milestones()->mutable_reclaimed_time(); }, &wire);
  for (const records::Erasure::ShardTask& task : erasure.tasks()) TaskToWire(task, catalog, wire.add_tasks());
  wire.set_samples_erased(erasure.samples_erased());
  if (erasure.has_log_index()) wire.set_log_index(erasure.log_index());
  wire.set_failure(erasure.failure());
  return wire;
}

uint32_t CountClean(const Snapshot& snapshot, const ModelSpec& spec) {
  return static_cast<uint32_t>(
      std::count_if(snapshot.constituents.begin(), snapshot.constituents.end(),
                    [&spec](const Constituent& constituent) { return constituent.slices == spec.sisa.slices; }));
}

v1::PredictResponse PredictionToWire(Prediction prediction, const ModelSpec& spec) {
  v1::PredictResponse wire;
  wire.mutable_predictions()->Reserve(static_cast<int>(prediction.verdicts.size()));
  for (const Verdict& verdict : prediction.verdicts) {
    v1::Prediction* const one = wire.add_predictions();
    one->set_label(spec.labels[verdict.label]);
    one->set_class_index(verdict.label);
    one->mutable_probabilities()->Assign(verdict.probabilities.begin(), verdict.probabilities.end());
  }
  const Snapshot& snapshot = *prediction.snapshot;
  wire.set_ensemble_version(snapshot.version);
  wire.set_constituents_voting(static_cast<uint32_t>(snapshot.constituents.size()));
  wire.set_constituents_clean(CountClean(snapshot, spec));
  wire.set_constituents_total(spec.sisa.shards);
  return wire;
}

v1::AuditReport ReportToWire(const StatusReport& report, absl::Time now, bool with_models) {
  v1::AuditReport wire;
  *wire.mutable_report_time() = TimeToWire(now);
  const auto count = [&report](records::Erasure::State state) {
    return static_cast<int64_t>(report.erasures_by_state[state]);
  };
  v1::AuditReport::ErasureCounts* const counts = wire.mutable_erasures_by_state();
  counts->set_pending(count(records::Erasure::PENDING));
  counts->set_in_progress(count(records::Erasure::IN_PROGRESS));
  counts->set_completed(count(records::Erasure::COMPLETED));
  counts->set_denied(count(records::Erasure::DENIED));
  counts->set_failed(count(records::Erasure::FAILED));
  counts->set_overdue(static_cast<int64_t>(report.overdue));
  if (report.oldest_open_received) *wire.mutable_oldest_open_received_time() = TimeToWire(*report.oldest_open_received);
  wire.set_dirty_shards(static_cast<uint32_t>(report.dirty_shards));
  wire.set_log_size(report.log_size);
  if (!report.purge_problem.ok()) {
    wire.set_purge_problem(
        absl::Utf8SafeCHexEscape(absl::StrCat(ReasonOf(report.purge_problem), ": ", report.purge_problem.message())));
  }
  if (!with_models) return wire;
  for (const StatusReport::ModelReport& model : report.models) {
    *wire.add_models() = ModelToWire(*model.model, model.shards, ModelDetail::kSlices);
  }
  return wire;
}

v1::ReplayProgress ReplayVerdictToWire(const ReplayVerdict& verdict, uint32_t shard, const ModelSpec& spec) {
  v1::ReplayProgress wire;
  wire.set_shard(shard);
  wire.set_slice(spec.sisa.slices - 1);
  wire.set_slice_progress(1.0);
  wire.set_slices_total(spec.sisa.slices);
  if (verdict.kind == ReplayVerdict::Kind::kEnvironmentDiffers) {
    wire.set_verdict(v1::ReplayProgress::ENVIRONMENT_DIFFERS);
    wire.set_trained_environment(verdict.trained_environment);
    wire.set_server_environment(verdict.server_environment);
    return wire;
  }
  const bool match = verdict.kind == ReplayVerdict::Kind::kMatch;
  wire.set_verdict(match ? v1::ReplayProgress::MATCH : v1::ReplayProgress::MISMATCH);
  if (!match) wire.set_first_mismatch(verdict.first_mismatch);
  wire.set_served_digest(std::string(AsBytes(verdict.served)));
  wire.set_replayed_digest(std::string(AsBytes(verdict.replayed)));
  wire.set_lineage(std::string(AsBytes(verdict.lineage)));
  wire.set_worker_seconds(verdict.worker_seconds);
  return wire;
}

google::protobuf::Timestamp TimeToWire(absl::Time time) {
  google::protobuf::Timestamp wire;
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  wire.set_seconds(seconds);
  wire.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return wire;
}

}  // namespace expunge
