#include "client/cli/json.h"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/string_view.h"

namespace expunge::cli {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted.append({'\\', c});
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppend(&quoted, "\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return Error(absl::StatusCode::kInternal, "JSON", {status.message().data(), status.message().size()});
  }
  return json;
}

absl::Status FromJson(std::string_view json, google::protobuf::Message* message) {
  const auto status = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (status.ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_JSON", {status.message().data(), status.message().size()});
}

JsonObject& JsonObject::Add(std::string_view name, double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  members_.emplace_back(name, std::string(digits.data(), end));
  return *this;
}

JsonObject& JsonObject::Add(std::string_view name, int64_t value) {
  members_.emplace_back(name, absl::StrCat(value));
  return *this;
}

JsonObject& JsonObject::AddBool(std::string_view name, bool value) {
  members_.emplace_back(name, value ? "true" : "false");
  return *this;
}

JsonObject& JsonObject::AddText(std::string_view name, std::string_view value) {
  members_.emplace_back(name, Quoted(value));
  return *this;
}

JsonObject& JsonObject::AddJson(std::string_view name, std::string_view document) {
  members_.emplace_back(name, document);
  return *this;
}

JsonObject& JsonObject::AddList(std::string_view name, const std::vector<std::string>& documents) {
  members_.emplace_back(name,
                        documents.empty() ? "[]" : absl::StrCat("[\n  ", absl::StrJoin(documents, ",\n  "), "\n ]"));
  return *this;
}

JsonObject& JsonObject::AddTexts(std::string_view name, const std::vector<std::string>& values) {
  std::vector<std::string> documents;
  for (const std::string& value : values) documents.push_back(Quoted(value));
  return AddList(name, documents);
}

std::string JsonObject::ToString() const { return absl::StrCat("{\n ", Join(",\n "), "\n}\n"); }

std::string JsonObject::ToLine() const { return absl::StrCat("{", Join(", "), "}"); }

std::string JsonObject::Join(std::string_view separator) const {
  return absl::StrJoin(members_, ToAbsl(separator), [](std::string* out, const auto& member) {
    absl::StrAppend(out, "\"", member.first, "\": ", member.second);
  });
}

}  // namespace expunge::cli
