#include "unlearning/erasure_leaves.h"

#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/status_macros.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "proof/log_event.h"
#include "proof/statement.h"
#include "unlearning/regulation.h"

namespace expunge {
namespace {

constexpr char kMethod[] =
    "keys destroyed, the files that held them rewritten and deleted, the data directory searched for them";

std::string NameOf(const records::Erasure& erasure) {
  const std::string hex = absl::BytesToHexString(erasure.uuid());
  return absl::StrCat("erasures/", hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

std::string RegulationOf(const records::Erasure& erasure) {
  switch (static_cast<Regulation>(erasure.regulation())) {
    case Regulation::kGdpr:
      return "GDPR";
    case Regulation::kCcpa:
      return "CCPA";
    case Regulation::kOther:
      break;
  }
  return "OTHER";
}

absl::StatusOr<std::vector<CertifiedCheckpoint>> CheckpointsOf(
    const google::protobuf::RepeatedPtrField<records::Erasure::CheckpointDigest>& stored) {
  std::vector<CertifiedCheckpoint> checkpoints;
  for (const records::Erasure::CheckpointDigest& one : stored) {
    CertifiedCheckpoint& checkpoint = checkpoints.emplace_back();
    checkpoint.slice = one.slice();
    ASSIGN_OR_RETURN(checkpoint.sha256, DigestFromBytes(one.parameters_digest()));
    ASSIGN_OR_RETURN(checkpoint.lineage, DigestFromBytes(one.lineage()));
  }
  return checkpoints;
}

absl::StatusOr<CertifiedTask> TaskOf(const records::Erasure::ShardTask& stored) {
  CertifiedTask task = {.model = stored.model(),
                        .shard = stored.shard(),
                        .first_slice = stored.first_slice(),
                        .slices = stored.slices(),
                        .samples_erased = stored.samples_erased()};
  ASSIGN_OR_RETURN(task.retired_checkpoints, CheckpointsOf(stored.retired()));
  ASSIGN_OR_RETURN(task.new_checkpoints, CheckpointsOf(stored.restored()));
  return task;
}

}  // namespace

std::string ReceivedLeaf(const records::Erasure& erasure) {
  return FormatLogEvent(ErasureReceived{
      .erasure = NameOf(erasure),
      .regulation = RegulationOf(erasure),
      .received_time = absl::FromUnixMicros(erasure.received_time_micros()),
      .due_time = absl::FromUnixMicros(erasure.due_time_micros()),
      .subject_commitment = DigestFromBytes(erasure.subject_commitment()).value_or(Digest{}),
  });
}

std::string FailedLeaf(const records::Erasure& erasure, absl::Time time) {
  return FormatLogEvent(ErasureFailed{.erasure = NameOf(erasure), .time = time, .reason = erasure.failure_reason()});
}

std::string ResumedLeaf(const records::Erasure& erasure, absl::Time time) {
  return FormatLogEvent(ErasureResumed{.erasure = NameOf(erasure), .time = time});
}

absl::StatusOr<std::string> StatementOf(const records::Erasure& erasure, const std::string& log_origin) {
  ErasureStatement statement = {.erasure = NameOf(erasure), .regulation = RegulationOf(erasure)};
  statement.received_time = absl::FromUnixMicros(erasure.received_time_micros());
  if (erasure.submitted_time_micros() != 0) {
    statement.submitted_time = absl::FromUnixMicros(erasure.submitted_time_micros());
  }
  statement.due_time = absl::FromUnixMicros(erasure.due_time_micros());
  statement.isolated_time = absl::FromUnixMicros(erasure.isolated_time_micros());
  statement.shredded_time = absl::FromUnixMicros(erasure.shredded_time_micros());
  statement.retrained_time = absl::FromUnixMicros(erasure.retrained_time_micros());
  statement.purged_time = absl::FromUnixMicros(erasure.purged_time_micros());
  statement.completed_time = absl::FromUnixMicros(erasure.completed_time_micros());
  // Records from before there was a log have none; such an erasure is certified as being about nobody in particular.
  if (!erasure.subject_commitment().empty()) {
    ASSIGN_OR_RETURN(statement.subject_commitment, DigestFromBytes(erasure.subject_commitment()));
  }
  statement.samples_erased = erasure.samples_erased();
  statement.whole_subject = !erasure.some_samples();
  for (const records::Erasure::ShardTask& stored : erasure.tasks()) {
    ASSIGN_OR_RETURN(statement.tasks.emplace_back(), TaskOf(stored));
    if (!stored.numeric_environment().empty()) statement.numeric_environment = stored.numeric_environment();
  }
  statement.physical_erasure = {.method = kMethod, .checked_time = statement.purged_time};
  statement.log_origin = log_origin;
  statement.log_index = erasure.log_index();
  statement.software_version = EXPUNGE_VERSION;
  return FormatStatement(statement);
}

}  // namespace expunge
