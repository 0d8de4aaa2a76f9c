#ifndef EXPUNGE_CLIENT_CLI_JSON_H_
#define EXPUNGE_CLIENT_CLI_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace expunge::cli {

// Protobuf JSON in lowerCamelCase with every field that is not an unset message or oneof, so that a list is there also
// when it is empty. `pretty` over several lines, ended by a newline; else one line without.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, bool pretty);

// INVALID_ARGUMENT, reason INVALID_JSON, with protobuf's explanation; unknown fields are errors.
absl::Status FromJson(std::string_view json, google::protobuf::Message* message);

// A document that is no message of the API. Members keep their order.
class JsonObject {
 public:
  JsonObject& Add(std::string_view name, double value);  // finite; as few digits as give the same value again
  JsonObject& Add(std::string_view name, int64_t value);
  JsonObject& AddBool(std::string_view name, bool value);
  JsonObject& AddText(std::string_view name, std::string_view value);                     // UTF-8
  JsonObject& AddJson(std::string_view name, std::string_view document);                  // on one line
  JsonObject& AddList(std::string_view name, const std::vector<std::string>& documents);  // each of them JSON

  JsonObject& AddTexts(std::string_view name, const std::vector<std::string>& values);  // UTF-8

  std::string ToString() const;  // ended by a newline
  std::string ToLine() const;    // without one, for AddList

 private:
  std::string Join(std::string_view separator) const;

  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_JSON_H_
