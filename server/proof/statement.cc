#include "proof/statement.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/string_view.h"
#include "proof/json.h"
#include "proof/names.h"
#include "proof/signed_note.h"

namespace expunge {
namespace {

absl::Status Malformed(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

std::string Hex(const Digest& digest) { return ToHex(AsBytes(digest)); }

JsonWriter Subject(const std::string& name, const Digest& digest) {
  return {{"name", name}, {"digest", {{"sha256", Hex(digest)}}}};
}

JsonWriter Subjects(const ErasureStatement& statement) {
  JsonWriter subjects = JsonWriter::array();
  for (const CertifiedTask& task : statement.tasks) {
    for (const CertifiedCheckpoint& checkpoint : task.new_checkpoints) {
      const std::string name =
          absl::StrCat(FormatModel(task.model), "/shard-", task.shard, "/slice-", checkpoint.slice);
      subjects.push_back(Subject(name, checkpoint.sha256));
    }
  }
  if (subjects.empty()) subjects.push_back(Subject(statement.erasure, statement.subject_commitment));
  return subjects;
}

JsonWriter WriteCheckpoints(const std::vector<CertifiedCheckpoint>& checkpoints) {
  JsonWriter list = JsonWriter::array();
  for (const CertifiedCheckpoint& checkpoint : checkpoints) {
    list.push_back(
        {{"slice", checkpoint.slice}, {"sha256", Hex(checkpoint.sha256)}, {"lineage", Hex(checkpoint.lineage)}});
  }
  return list;
}

std::vector<CertifiedCheckpoint> ReadCheckpoints(std::vector<JsonObject> list) {
  std::vector<CertifiedCheckpoint> checkpoints;
  for (JsonObject& object : list) {
    checkpoints.push_back(
        {.slice = object.Number32("slice"), .sha256 = object.Hex("sha256"), .lineage = object.Hex("lineage")});
  }
  return checkpoints;
}

JsonWriter WriteTasks(const std::vector<CertifiedTask>& tasks) {
  JsonWriter list = JsonWriter::array();
  for (const CertifiedTask& task : tasks) {
    list.push_back({{"model", FormatModel(task.model)},
                    {"shard", task.shard},
                    {"firstSlice", task.first_slice},
                    {"slices", task.slices},
                    {"samplesErased", task.samples_erased},
                    {"retiredCheckpoints", WriteCheckpoints(task.retired_checkpoints)},
                    {"newCheckpoints", WriteCheckpoints(task.new_checkpoints)}});
  }
  return list;
}

CertifiedTask ReadTask(JsonObject object) {
  const std::optional<uint32_t> model = ParseModel(object.Text("model"));
  object.Require(model.has_value());
  return {.model = model.value_or(0),
          .shard = object.Number32("shard"),
          .first_slice = object.Number32("firstSlice"),
          .slices = object.Number32("slices"),
          .samples_erased = object.Number("samplesErased"),
          .retired_checkpoints = ReadCheckpoints(object.Objects("retiredCheckpoints")),
          .new_checkpoints = ReadCheckpoints(object.Objects("newCheckpoints"))};
}

JsonWriter WritePredicate(const ErasureStatement& statement) {
  JsonWriter predicate = {{"erasure", statement.erasure},
                          {"regulation", statement.regulation},
                          {"receivedTime", FormatTimestamp(statement.received_time)}};
  if (statement.submitted_time) predicate["submittedTime"] = FormatTimestamp(*statement.submitted_time);
  predicate["dueTime"] = FormatTimestamp(statement.due_time);
  predicate["isolatedTime"] = FormatTimestamp(statement.isolated_time);
  predicate["shreddedTime"] = FormatTimestamp(statement.shredded_time);
  predicate["retrainedTime"] = FormatTimestamp(statement.retrained_time);
  predicate["purgedTime"] = FormatTimestamp(statement.purged_time);
  predicate["completedTime"] = FormatTimestamp(statement.completed_time);
  predicate["subjectCommitment"] = Hex(statement.subject_commitment);
  predicate["samplesErased"] = statement.samples_erased;
  predicate["wholeSubject"] = statement.whole_subject;
  predicate["tasks"] = WriteTasks(statement.tasks);
  predicate["numericEnvironment"] = statement.numeric_environment;
  predicate["physicalErasure"] = {{"method", statement.physical_erasure.method},
                                  {"checkedTime", FormatTimestamp(statement.physical_erasure.checked_time)},
                                  {"tracesFound", statement.physical_erasure.traces_found}};
  predicate["log"] = {{"origin", statement.log_origin}, {"index", statement.log_index}};
  predicate["softwareVersion"] = statement.software_version;
  return predicate;
}

ErasureStatement ReadPredicate(JsonObject object) {
  JsonObject physical = object.Object("physicalErasure");
  JsonObject log = object.Object("log");
  ErasureStatement statement{.erasure = object.Text("erasure"),
                             .regulation = object.Text("regulation"),
                             .received_time = object.Time("receivedTime"),
                             .due_time = object.Time("dueTime"),
                             .isolated_time = object.Time("isolatedTime"),
                             .shredded_time = object.Time("shreddedTime"),
                             .retrained_time = object.Time("retrainedTime"),
                             .purged_time = object.Time("purgedTime"),
                             .completed_time = object.Time("completedTime"),
                             .subject_commitment = object.Hex("subjectCommitment"),
                             .samples_erased = object.Number("samplesErased"),
                             .whole_subject = object.Flag("wholeSubject"),
                             .numeric_environment = object.Text("numericEnvironment"),
                             .physical_erasure = {.method = physical.Text("method"),
                                                  .checked_time = physical.Time("checkedTime"),
                                                  .traces_found = physical.Number("tracesFound")},
                             .log_origin = log.Text("origin"),
                             .log_index = log.Number("index"),
                             .software_version = object.Text("softwareVersion")};
  if (object.Has("submittedTime")) statement.submitted_time = object.Time("submittedTime");
  for (const JsonObject& task : object.Objects("tasks")) statement.tasks.push_back(ReadTask(task));
  object.Require(IsErasureName(statement.erasure) && IsRegulation(statement.regulation) &&
                 ValidateKeyName(statement.log_origin).ok());
  return statement;
}

}  // namespace

Digest CommitToSubject(const Digest& nonce, std::string_view subject_id) {
  return Sha256(absl::StrCat(ToAbsl(AsBytes(nonce)), ToAbsl(subject_id)));
}

std::string FormatStatement(const ErasureStatement& statement) {
  return WriteJson({{"_type", kStatementType},
                    {"subject", Subjects(statement)},
                    {"predicateType", kErasurePredicateType},
                    {"predicate", WritePredicate(statement)}});
}

absl::StatusOr<ErasureStatement> ParseStatement(std::string_view json) {
  const std::optional<nlohmann::json> parsed = ReadJson(json);
  if (!parsed) return Malformed("STATEMENT_MALFORMED", "the statement must be JSON");
  bool ok = true;
  JsonObject object(*parsed, &ok);
  if (object.Text("_type") != kStatementType || object.Text("predicateType") != kErasurePredicateType) {
    return Malformed("STATEMENT_MALFORMED", absl::StrCat("the statement must be an in-toto statement of type ",
                                                         ToAbsl(kErasurePredicateType)));
  }
  ErasureStatement statement = ReadPredicate(object.Object("predicate"));
  if (!ok) return Malformed("STATEMENT_MALFORMED", "the statement lacks a field, or one has another form");
  if (FormatStatement(statement) != json) {
    return Malformed("STATEMENT_NOT_CANONICAL", "the statement has fields or a form that are not this version's");
  }
  return statement;
}

}  // namespace expunge
