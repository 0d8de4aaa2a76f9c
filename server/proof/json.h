#ifndef EXPUNGE_PROOF_JSON_H_
#define EXPUNGE_PROOF_JSON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/digest.h"
#include "nlohmann/json.hpp"

namespace expunge {

// For the sources of this folder alone. What is written keeps the order in which it was made and has no spaces; what is
// read is written again and compared by its reader, so that nothing between the values escapes notice.
using JsonWriter = nlohmann::ordered_json;

std::string WriteJson(const JsonWriter& json);

inline constexpr size_t kMaxJsonBytes = size_t{64} << 20;

// A JSON value; nothing for another text, one over the limit, or one nested absurdly deep.
std::optional<nlohmann::json> ReadJson(std::string_view text);

// RFC 3339, in UTC ("Z"), whole microseconds, without zeros at the end.
std::string FormatTimestamp(absl::Time time);
std::optional<absl::Time> ParseTimestamp(std::string_view text);

// Members of an object. The first that is missing, or of another type, makes `*ok` false; its value is an empty one.
// `json` and `ok` must outlive it.
class JsonObject {
 public:
  JsonObject(const nlohmann::json& json, bool* ok) : json_(json), ok_(ok) {}

  bool Has(const char* name) const { return json_.is_object() && json_.contains(name); }

  std::string Text(const char* name);
  uint64_t Number(const char* name);
  uint32_t Number32(const char* name);
  bool Flag(const char* name);
  Digest Hex(const char* name);
  absl::Time Time(const char* name);
  JsonObject Object(const char* name);
  std::vector<JsonObject> Objects(const char* name);

  // Makes `*ok` false unless `holds`.
  void Require(bool holds) {
    if (!holds) *ok_ = false;
  }

 private:
  const nlohmann::json& Member(const char* name);

  const nlohmann::json& json_;
  bool* const ok_;
};

}  // namespace expunge

#endif  // EXPUNGE_PROOF_JSON_H_
