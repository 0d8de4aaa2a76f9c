#ifndef EXPUNGE_STORAGE_RECORD_H_
#define EXPUNGE_STORAGE_RECORD_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"

namespace expunge {

// The framing of values: one version byte, then the payload. Each kind of record has its own version; all are at 1.
// What a kind's payload was in each version: FORMAT.md, one golden file each.
inline constexpr char kRecordVersion = 1;

// Protobuf in its deterministic encoding.
std::string EncodeRecord(const google::protobuf::MessageLite& record);

// DATA_LOSS, STORAGE_CORRUPT: of a version that this program does not know, or not what the version says.
// `kind` is the noun for the message: "a model", "a subject".
absl::Status DecodeRecord(std::string_view kind, std::string_view value, google::protobuf::MessageLite* record);

// A payload of sealed bytes (DataKey::Seal).
std::string FrameSealed(std::string_view sealed);
absl::StatusOr<std::string_view> UnframeSealed(std::string_view kind, std::string_view value);

}  // namespace expunge

#endif  // EXPUNGE_STORAGE_RECORD_H_
