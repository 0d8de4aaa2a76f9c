#include "storage/record.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "storage/rocks_status.h"

namespace expunge {

std::string EncodeRecord(const google::protobuf::MessageLite& record) {
  std::string value(1, kRecordVersion);
  google::protobuf::io::StringOutputStream stream(&value);  // appends
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  record.SerializeToCodedStream(&coded);
  coded.Trim();
  return value;
}

absl::Status DecodeRecord(std::string_view kind, std::string_view value, google::protobuf::MessageLite* record) {
  ASSIGN_OR_RETURN(const std::string_view payload, UnframeSealed(kind, value));
  if (!record->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return CorruptStorage(kind, "cannot be read: the record is malformed");
  }
  return absl::OkStatus();
}

std::string FrameSealed(std::string_view sealed) {
  std::string value;
  value.reserve(1 + sealed.size());
  value.push_back(kRecordVersion);
  return value.append(sealed);
}

absl::StatusOr<std::string_view> UnframeSealed(std::string_view kind, std::string_view value) {
  if (value.empty()) return CorruptStorage(kind, "cannot be read: the record is empty");
  if (value.front() != kRecordVersion) {
    return CorruptStorage(kind,
                          absl::StrCat("cannot be read: the record has version ", static_cast<uint8_t>(value.front()),
                                       ", this program knows version ", static_cast<uint8_t>(kRecordVersion)));
  }
  return value.substr(1);
}

}  // namespace expunge
