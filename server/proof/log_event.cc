#include "proof/log_event.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "proof/json.h"
#include "proof/names.h"
#include "proof/statement.h"

namespace expunge {
namespace {

absl::Status Malformed(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

std::string Hex(const Digest& digest) { return ToHex(AsBytes(digest)); }

std::string ReadErasure(JsonObject& object) {
  std::string erasure = object.Text("erasure");
  object.Require(IsErasureName(erasure));
  return erasure;
}

uint32_t ReadModel(JsonObject& object) {
  const std::optional<uint32_t> model = ParseModel(object.Text("model"));
  object.Require(model.has_value());
  return model.value_or(0);
}

// For each event: its name, its members, and a line for a person.

JsonWriter Write(const ErasureReceived& event) {
  return {{"event", "erasureReceived"},
          {"erasure", event.erasure},
          {"regulation", event.regulation},
          {"receivedTime", FormatTimestamp(event.received_time)},
          {"dueTime", FormatTimestamp(event.due_time)},
          {"subjectCommitment", Hex(event.subject_commitment)}};
}

LogEvent ReadErasureReceived(JsonObject& object) {
  ErasureReceived event{.erasure = ReadErasure(object),
                        .regulation = object.Text("regulation"),
                        .received_time = object.Time("receivedTime"),
                        .due_time = object.Time("dueTime"),
                        .subject_commitment = object.Hex("subjectCommitment")};
  object.Require(IsRegulation(event.regulation));
  return event;
}

std::string Describe(const ErasureReceived& event) {
  return absl::StrCat(FormatTimestamp(event.received_time), " received ", event.erasure, ", ", event.regulation,
                      ", due ", FormatTimestamp(event.due_time));
}

JsonWriter Write(const ErasureFailed& event) {
  return {{"event", "erasureFailed"},
          {"erasure", event.erasure},
          {"time", FormatTimestamp(event.time)},
          {"reason", event.reason}};
}

LogEvent ReadErasureFailed(JsonObject& object) {
  ErasureFailed event{.erasure = ReadErasure(object), .time = object.Time("time"), .reason = object.Text("reason")};
  object.Require(IsReason(event.reason));
  return event;
}

std::string Describe(const ErasureFailed& event) {
  return absl::StrCat(FormatTimestamp(event.time), " failed ", event.erasure, ": ", event.reason);
}

JsonWriter Write(const ErasureResumed& event) {
  return {{"event", "erasureResumed"}, {"erasure", event.erasure}, {"time", FormatTimestamp(event.time)}};
}

LogEvent ReadErasureResumed(JsonObject& object) {
  return ErasureResumed{.erasure = ReadErasure(object), .time = object.Time("time")};
}

std::string Describe(const ErasureResumed& event) {
  return absl::StrCat(FormatTimestamp(event.time), " resumed ", event.erasure);
}

JsonWriter Write(const ModelTrained& event) {
  JsonWriter shards = JsonWriter::array();
  for (const ModelTrained::Shard& shard : event.shards) {
    shards.push_back({{"shard", shard.shard}, {"lineage", Hex(shard.lineage)}, {"sha256", Hex(shard.sha256)}});
  }
  JsonWriter json = {
      {"event", "modelTrained"}, {"model", FormatModel(event.model)}, {"time", FormatTimestamp(event.time)}};
  if (event.ensemble_version) json["ensembleVersion"] = *event.ensemble_version;
  json["shards"] = std::move(shards);
  return json;
}

LogEvent ReadModelTrained(JsonObject& object) {
  ModelTrained event{.model = ReadModel(object), .time = object.Time("time")};
  if (object.Has("ensembleVersion")) event.ensemble_version = object.Number("ensembleVersion");
  for (JsonObject& shard : object.Objects("shards")) {
    event.shards.push_back(
        {.shard = shard.Number32("shard"), .lineage = shard.Hex("lineage"), .sha256 = shard.Hex("sha256")});
  }
  return event;
}

std::string Describe(const ModelTrained& event) {
  return absl::StrCat(FormatTimestamp(event.time), " trained ", FormatModel(event.model),
                      ", shards: ", event.shards.size());
}

JsonWriter Write(const RestoredFromBackup& event) {
  return {{"event", "restoredFromBackup"}, {"time", FormatTimestamp(event.time)}};
}

LogEvent ReadRestoredFromBackup(JsonObject& object) { return RestoredFromBackup{.time = object.Time("time")}; }

std::string Describe(const RestoredFromBackup& event) {
  return absl::StrCat(FormatTimestamp(event.time), " restored from a backup");
}

JsonWriter Write(const LogRollbackAccepted& event) {
  return {{"event", "logRollbackAccepted"},
          {"time", FormatTimestamp(event.time)},
          {"lostSize", event.lost_size},
          {"lostRoot", Hex(event.lost_root)}};
}

LogEvent ReadLogRollbackAccepted(JsonObject& object) {
  return LogRollbackAccepted{
      .time = object.Time("time"), .lost_size = object.Number("lostSize"), .lost_root = object.Hex("lostRoot")};
}

std::string Describe(const LogRollbackAccepted& event) {
  if (event.lost_size == 0) return FormatTimestamp(event.time) + " accepted that the newest checkpoint is missing";
  return absl::StrCat(FormatTimestamp(event.time), " accepted the loss of a log of ", event.lost_size, " entries");
}

JsonWriter Write(const Replayed& event) {
  return {{"event", "replayed"},
          {"model", FormatModel(event.model)},
          {"shard", event.shard},
          {"time", FormatTimestamp(event.time)},
          {"verdict", event.match ? "MATCH" : "MISMATCH"},
          {"servedDigest", Hex(event.served_digest)},
          {"replayedDigest", Hex(event.replayed_digest)},
          {"lineage", Hex(event.lineage)}};
}

LogEvent ReadReplayed(JsonObject& object) {
  return Replayed{.model = ReadModel(object),
                  .shard = object.Number32("shard"),
                  .time = object.Time("time"),
                  .match = object.Text("verdict") == "MATCH",
                  .served_digest = object.Hex("servedDigest"),
                  .replayed_digest = object.Hex("replayedDigest"),
                  .lineage = object.Hex("lineage")};
}

std::string Describe(const Replayed& event) {
  return absl::StrCat(FormatTimestamp(event.time), " replayed ", FormatModel(event.model), " shard ", event.shard, ": ",
                      event.match ? "MATCH" : "MISMATCH");
}

std::string DescribeStatement(const ErasureStatement& statement) {
  return absl::StrCat(FormatTimestamp(statement.completed_time), " certified ", statement.erasure,
                      ", samples: ", statement.samples_erased, ", shards: ", statement.tasks.size());
}

struct EventKind {
  std::string_view name;
  LogEvent (*read)(JsonObject&);
};

constexpr EventKind kKinds[] = {
    {"erasureReceived", ReadErasureReceived},
    {"erasureFailed", ReadErasureFailed},
    {"erasureResumed", ReadErasureResumed},
    {"modelTrained", ReadModelTrained},
    {"restoredFromBackup", ReadRestoredFromBackup},
    {"logRollbackAccepted", ReadLogRollbackAccepted},
    {"replayed", ReadReplayed},
};
static_assert(std::size(kKinds) == std::variant_size_v<LogEvent>);

}  // namespace

std::string FormatLogEvent(const LogEvent& event) {
  return WriteJson(std::visit([](const auto& alternative) { return Write(alternative); }, event));
}

absl::StatusOr<LogEvent> ParseLogEvent(std::string_view json) {
  const std::optional<nlohmann::json> parsed = ReadJson(json);
  if (!parsed) return Malformed("LOG_EVENT_MALFORMED", "the log's entry must be JSON");
  bool ok = true;
  JsonObject object(*parsed, &ok);
  const std::string name = object.Text("event");
  for (const EventKind& kind : kKinds) {
    if (kind.name != name) continue;
    LogEvent event = kind.read(object);
    if (!ok) return Malformed("LOG_EVENT_MALFORMED", "the log's entry lacks a field, or one has another form");
    if (FormatLogEvent(event) == json) return event;
    return Malformed("LOG_EVENT_NOT_CANONICAL", "the log's entry has fields or a form that are not this version's");
  }
  return Malformed("LOG_EVENT_MALFORMED", "the log's entry is no event that this version knows");
}

absl::StatusOr<std::string> DescribeLeaf(std::string_view leaf) {
  if (const absl::StatusOr<ErasureStatement> statement = ParseStatement(leaf); statement.ok()) {
    return DescribeStatement(*statement);
  }
  ASSIGN_OR_RETURN(const LogEvent event, ParseLogEvent(leaf));
  return std::visit([](const auto& alternative) { return Describe(alternative); }, event);
}

}  // namespace expunge
