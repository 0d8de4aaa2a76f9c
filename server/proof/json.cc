#include "proof/json.h"

#include <limits>

#include "base/string_view.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

constexpr int kMaxDepth = 32;
constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%E*SZ";

}  // namespace

std::string WriteJson(const JsonWriter& json) {
  return json.dump(-1, ' ', false, JsonWriter::error_handler_t::replace);
}

std::optional<nlohmann::json> ReadJson(std::string_view text) {
  if (text.size() > kMaxJsonBytes) return std::nullopt;
  const auto keep = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth <= kMaxDepth; };
  nlohmann::json json = nlohmann::json::parse(text, keep, /*allow_exceptions=*/false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

std::string FormatTimestamp(absl::Time time) {
  const absl::Time whole = absl::FromUnixMicros(absl::ToUnixMicros(time));
  return absl::FormatTime(kTimeFormat, whole, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTimestamp(std::string_view text) {
  absl::Time time;
  // The other spellings that Abseil takes, among them those of infinity and of more years, do not come back the same.
  if (!absl::ParseTime(kTimeFormat, ToAbsl(text), &time, nullptr) || FormatTimestamp(time) != text) return std::nullopt;
  if (text.size() < sizeof("2026-01-01T00:00:00Z") - 1 || text[4] != '-') return std::nullopt;
  return time;
}

const nlohmann::json& JsonObject::Member(const char* name) {
  static const auto& none = *new nlohmann::json();
  if (Has(name)) return json_.at(name);
  *ok_ = false;
  return none;
}

std::string JsonObject::Text(const char* name) {
  const nlohmann::json& member = Member(name);
  Require(member.is_string());
  return member.is_string() ? member.get<std::string>() : std::string();
}

uint64_t JsonObject::Number(const char* name) {
  const nlohmann::json& member = Member(name);
  Require(member.is_number_unsigned());
  return member.is_number_unsigned() ? member.get<uint64_t>() : 0;
}

uint32_t JsonObject::Number32(const char* name) {
  const uint64_t number = Number(name);
  Require(number <= std::numeric_limits<uint32_t>::max());
  return static_cast<uint32_t>(number);
}

bool JsonObject::Flag(const char* name) {
  const nlohmann::json& member = Member(name);
  Require(member.is_boolean());
  return member.is_boolean() && member.get<bool>();
}

Digest JsonObject::Hex(const char* name) {
  const std::optional<Digest> digest = DigestFromHex(Text(name));
  Require(digest.has_value());
  return digest.value_or(Digest{});
}

absl::Time JsonObject::Time(const char* name) {
  const std::optional<absl::Time> time = ParseTimestamp(Text(name));
  Require(time.has_value());
  return time.value_or(absl::UnixEpoch());
}

JsonObject JsonObject::Object(const char* name) {
  const nlohmann::json& member = Member(name);
  Require(member.is_object());
  return JsonObject(member, ok_);
}

std::vector<JsonObject> JsonObject::Objects(const char* name) {
  const nlohmann::json& member = Member(name);
  Require(member.is_array());
  std::vector<JsonObject> objects;
  if (!member.is_array()) return objects;
  for (const nlohmann::json& element : member) objects.emplace_back(element, ok_);
  return objects;
}

}  // namespace expunge
